# A runner that is a service has no shell around it: systemd restarts it if something killed it. If it ended by itself,
# as it does without its registration, its unit is inactive; so it is during a shutdown. (actions/runner v2.336.0,
# src/Misc/layoutbin/RunnerService.js#L81-L92)

egr_restart_runner() {
  [[ $(systemctl is-active "$(<"$(<state/configured)/.service")") = @(inactive|failed) && $(systemctl is-system-running) != stopping ]] || return
  egr_log 'the runner has ended'
  : >ended
}

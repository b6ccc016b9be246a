# Checks whether the machine is still needed as a runner. warm.sh has the check for a warm-up.

# egr_is_online: reports whether the runner is listening for jobs.
egr_is_online() {
  [ -e /run/ec2-github-runner/started ] && find "$EGR_LOG" "$(</run/ec2-github-runner/state/configured)/_diag" -type f -newer /run/ec2-github-runner/since -exec grep -qs 'Listening for Jobs' {} +
}

# egr_runner_check: runs once a second; powers the machine off when it is no longer needed.
EGR_CHECK=egr_runner_check
egr_runner_check() {
  egr_read_uptime
  lived=$((before + EGR_UPTIME - since))
  ((lived < saved + 30)) || echo $((saved = lived)) >state/lived
  if egr_find_process Runner.Worker || { [ ! -e state/told ] && egr_is_online; }; then
    last=$EGR_UPTIME
    : >online
    [ -e state/told ] || { : >state/told && egr_log 'the runner is online'; }
  fi
  if [ -e failed ]; then
    : "${failed:=$EGR_UPTIME}"
    ((EGR_UPTIME - failed < egr_keep_failed_seconds)) || egr_power_off "$(<failed)"
  elif egr_is_over_limit egr_max_lifetime_seconds "$lived"; then
    # shellcheck disable=SC2086 # true or nothing
    egr_power_off "it has lived for $lived s" $egr_max_lifetime_hard
  elif [ ! -e state/told ]; then
    ! egr_is_over_limit egr_registration_timeout_seconds "$lived" ||
      (egr_fail "no runner is online after $lived s; the last that happened: $(<phase)")
  elif [ -e ended ] || [ -s state/ended ]; then
    # The runner has ended for good, also after a reboot. The file contains how long the machine had lived by then.
    [ -s state/ended ] || echo $lived >state/ended
    ! egr_is_over_limit egr_keep_ended_seconds $((lived - $(<state/ended) + 1)) || egr_power_off 'the runner has ended'
  elif egr_is_over_limit egr_idle_timeout_seconds $((EGR_UPTIME - last)); then
    egr_power_off "no job for $((EGR_UPTIME - last)) s"
  fi
  [ ! -s pid ] || [ -e "/proc/$(<pid)" ] || [ -e failed ] || [ -e ended ] || egr_find_process Runner.Listener || egr_find_process run.sh || egr_restart_runner
}

# Checks whether the machine is still needed as a runner. warm.sh has the check of a warm-up.

# egr_is_online: reports whether the runner is listening for jobs.
egr_is_online() {
  [ -e /run/ec2-github-runner/started ] && find "$EGR_LOG" "$(</run/ec2-github-runner/state/configured)/_diag" -type f -newer /run/ec2-github-runner/since -exec grep -qs 'Listening for Jobs' {} +
}

# egr_runner_check: once a second; powers the machine off when it is no longer needed.
EGR_CHECK=egr_runner_check
egr_runner_check() {
  egr_read_uptime
  lived=$((before + EGR_UPTIME - since))
  ((lived < saved + 30)) || echo $((saved = lived)) >state/lived
  if egr_find_process Runner.Worker; then
    last=$EGR_UPTIME
    : >online
  fi
  if [ ! -e state/told ] && { [ -e online ] || egr_is_online; }; then
    : | tee online >state/told
    last=$EGR_UPTIME
    egr_log 'the runner is online'
  fi
  if [ -e failed ]; then
    : "${failed:=$EGR_UPTIME}"
    ((EGR_UPTIME - failed < egr_keep_failed_seconds)) || egr_power_off "$(<failed)"
  elif egr_is_over_limit egr_max_lifetime_seconds "$lived"; then
    [ "$egr_max_lifetime_hard" != true ] || egr_power_off "it has lived for $lived s" now
    egr_power_off "it has lived for $lived s and no job runs"
  elif [ ! -e state/told ]; then
    ! egr_is_over_limit egr_registration_timeout_seconds "$lived" ||
      (egr_fail "no runner is online after $lived s; the last that happened: $(<phase)")
  elif [ -e ended ] && [ "$egr_ephemeral" = true ]; then
    egr_power_off 'the runner has ended'
  elif egr_is_over_limit egr_idle_timeout_seconds $((EGR_UPTIME - last)); then
    egr_power_off "no job for $((EGR_UPTIME - last)) s"
  fi
  if [ -s pid ] && [ ! -e "/proc/$(<pid)" ] && [ ! -e failed ] && [ ! -e ended ] && [ "$egr_service" != true ]; then
    egr_find_process Runner.Listener || egr_find_process run.sh || egr_restart_runner
  fi
}

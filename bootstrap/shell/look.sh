# Whether the runner is still needed.

# egr_online: the runner is listening for jobs.
egr_online() {
  [ -e /run/ec2-github-runner/started ] && find "$EGR_LOG" "$(</run/ec2-github-runner/state/configured)/_diag" -type f -newer /run/ec2-github-runner/since -exec grep -qs 'Listening for Jobs' {} +
}

# egr_look: one look at everything, after which the machine is left as it is or powered off.
egr_look() {
  egr_up
  lived=$((before + EGR_UP - since))
  ((lived < saved + 30)) || echo $((saved = lived)) >state/lived
  if egr_find Runner.Worker; then
    last=$EGR_UP
    : >online
  fi
  if [ ! -e state/told ] && { [ -e online ] || egr_online; }; then
    : | tee online >state/told
    last=$EGR_UP
    egr_say 'the runner is online'
  fi
  if [ -e failed ]; then
    : "${failed:=$EGR_UP}"
    ((EGR_UP - failed < egr_keep_failed_seconds)) || egr_off "$(<failed)"
  elif egr_over egr_max_lifetime_seconds "$lived"; then
    [ "$egr_max_lifetime_hard" != true ] || egr_off "it has lived for $lived s" now
    egr_off "it has lived for $lived s and no job runs"
  elif [ ! -e state/told ]; then
    ! egr_over egr_registration_timeout_seconds "$lived" ||
      (egr_fail "no runner is online after $lived s; the last that happened: $(<phase)")
  elif [ -e ended ] && [ "$egr_ephemeral" = true ]; then
    egr_off 'the runner has ended'
  elif egr_over egr_idle_timeout_seconds $((EGR_UP - last)); then
    egr_off "no job for $((EGR_UP - last)) s"
  fi
  if [ -s pid ] && [ ! -e "/proc/$(<pid)" ] && [ ! -e failed ] && [ ! -e ended ] && [ "$egr_service" != true ]; then
    egr_find Runner.Listener || egr_find run.sh || egr_revive
  fi
}

# The machine's own end, without any credentials: no start that failed and no runner that nobody
# uses keeps a machine alive, and no job is ever cut off, but by a lifetime that the user set.

# egr_find NAME: is there such a process? Its number, or their numbers, are in EGR_PIDS. A job is
# running exactly as long as there is a Runner.Worker.
egr_find() {
  local each name
  EGR_PIDS=()
  for each in /proc/[0-9]*; do
    read -r name <"$each/comm" && [ "$name" = "$1" ] && EGR_PIDS+=("${each#/proc/}")
  done 2>/dev/null
  [ ${#EGR_PIDS[@]} != 0 ]
}

# egr_online: the runner is listening for jobs.
egr_online() {
  [ -e /run/ec2-github-runner/started ] && find "$EGR_LOG" "$(</run/ec2-github-runner/state/configured)/_diag" -type f -newer /run/ec2-github-runner/since -exec grep -qs 'Listening for Jobs' {} +
}

# egr_off WHY [now]: end the machine, unless a job is running.
egr_off() {
  # A listener that is held takes no job while we look.
  egr_find Runner.Listener && local held=("${EGR_PIDS[@]}") && kill -s STOP "${held[@]}"
  if [ $# = 1 ] && egr_find Runner.Worker; then
    kill -s CONT "${held[@]}"
    return
  fi
  : >ended
  egr_say "powering off: $1"
  [ -z "${held[0]}" ] || { kill "${held[@]}"; kill -s CONT "${held[@]}"; }
  systemctl --no-block poweroff
  sleep 60
  systemctl -ff poweroff
}

# egr_over LIMIT SECONDS: a limit of 0 is none.
egr_over() { [ "$1" != 0 ] && [ "$2" -ge "$1" ]; }

# egr_look: one look at everything, after which the machine is left as it is or powered off.
egr_look() {
  egr_up
  lived=$((before + EGR_UP - since))
  [ "$lived" -lt $((saved + 30)) ] || echo $((saved = lived)) >state/lived
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
    [ $((EGR_UP - failed)) -lt "$egr_keep_failed_seconds" ] || egr_off "$(<failed)"
  elif egr_over "$egr_max_lifetime_seconds" "$lived"; then
    [ "$egr_max_lifetime_hard" != true ] || egr_off "it has lived for $lived s" now
    egr_off "it has lived for $lived s and no job runs"
  elif [ ! -e state/told ]; then
    ! egr_over "$egr_registration_timeout_seconds" "$lived" ||
      (egr_fail "no runner is online after $lived s; the last that happened: $(<phase)")
  elif [ "$egr_ephemeral" = true ] && [ -e ended ]; then
    egr_off 'the runner has ended'
  elif egr_over "$egr_idle_timeout_seconds" $((EGR_UP - last)); then
    egr_off "no job for $((EGR_UP - last)) s"
  fi
  if [ -s pid ] && [ ! -e "/proc/$(<pid)" ] && [ ! -e failed ] && [ ! -e ended ] && [ "$egr_service" != true ]; then
    egr_find Runner.Listener || egr_find run.sh || egr_revive
  fi
}

egr_watch() {
  local before since last lived failed restarts=0 saved=0
  cd /run/ec2-github-runner || exit
  before=$(cat state/lived 2>/dev/null)
  since=$(<since)
  egr_up
  last=$EGR_UP
  while sleep 1; do egr_look; done
}

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
  [ -e /run/ec2-github-runner/started ] || return
  grep -qs 'Listening for Jobs' "$EGR_LOG" && return
  find "$(cat /run/ec2-github-runner/home)/_diag" -name 'Runner_*' -newer /run/ec2-github-runner/boot -exec grep -q 'Listening for Jobs' {} + 2>/dev/null
}

# egr_signal NAME PROCESS...
egr_signal() { [ $# = 1 ] || kill -s "$@"; }

# egr_off WHY [now]: end the machine, unless a job is running.
egr_off() {
  local listeners=()
  # A listener that is held takes no job while we look.
  egr_find Runner.Listener && listeners=("${EGR_PIDS[@]}") && egr_signal STOP "${listeners[@]}"
  if [ $# = 1 ] && egr_find Runner.Worker; then
    egr_signal CONT "${listeners[@]}"
    return
  fi
  egr_say "powering off: $1"
  egr_signal TERM "${listeners[@]}"
  egr_signal CONT "${listeners[@]}"
  systemctl --no-block poweroff
  sleep 60
  systemctl -ff poweroff
}

# egr_revive: something killed the shell around the runner.
egr_revive() {
  if [ "$egr_ephemeral" = true ] || [ "$egr_registration" = jit ] || [ $((restarts++)) -ge 5 ]; then
    egr_say 'the runner was killed'
    : >/run/ec2-github-runner/ended
  else
    egr_say 'warning: the runner was killed and is started again'
    rm -f /run/ec2-github-runner/pid
    systemctl --no-block restart ec2-github-runner.service
  fi
}

# egr_look: one look at everything, after which the machine is left as it is or powered off.
egr_look() {
  local busy=
  egr_up
  lived=$((before + EGR_UP - since))
  [ $((EGR_UP % 30)) != 0 ] || echo "$lived" >state/lived
  if egr_find Runner.Worker; then busy=1 last=$EGR_UP; fi
  if [ ! -e online ] && { [ -n "$busy" ] || egr_online; }; then
    : | tee online >state/online
    last=$EGR_UP
    egr_say 'the runner is online'
  fi
  if [ -e failed ]; then
    : "${failed:=$EGR_UP}"
    [ $((EGR_UP - failed)) -lt "$egr_keep_failed_seconds" ] || egr_off "$(cat failed)"
  elif [ "$egr_max_lifetime_seconds" != 0 ] && [ "$lived" -ge "$egr_max_lifetime_seconds" ]; then
    if [ "$egr_max_lifetime_hard" = true ]; then
      egr_off "it has lived for $lived s" now
    else
      egr_off "it has lived for $lived s and no job runs"
    fi
  elif [ ! -e state/online ]; then
    [ "$egr_registration_timeout_seconds" = 0 ] || [ "$lived" -lt "$egr_registration_timeout_seconds" ] ||
      (egr_fail "no runner is online after $lived s; the last that happened: $(cat phase)")
  elif [ "$egr_ephemeral" = true ] && [ -e ended ]; then
    egr_off 'the runner has ended'
  elif [ "$egr_idle_timeout_seconds" != 0 ] && [ $((EGR_UP - last)) -ge "$egr_idle_timeout_seconds" ]; then
    egr_off "no job for $((EGR_UP - last)) s"
  fi
  if [ -s pid ] && [ ! -e "/proc/$(cat pid)" ] && [ ! -e failed ] && [ ! -e ended ] && [ "$egr_service" != true ]; then
    egr_find Runner.Listener || egr_find run.sh || egr_revive
  fi
}

egr_watch() {
  local before since last lived failed restarts=0
  cd /run/ec2-github-runner || exit
  before=$(cat state/lived 2>/dev/null)
  since=$(cat since)
  egr_up
  last=$EGR_UP
  while sleep 1; do egr_look; done
}

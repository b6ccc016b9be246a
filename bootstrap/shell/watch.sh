# The machine's own end, without any credentials: no start that failed and no runner that nobody
# uses keeps a machine alive, and no job is ever cut off, but by a lifetime that the user set.

# egr_busy: a job is running. A Runner.Worker process lives exactly so long.
egr_busy() {
  local each name
  for each in /proc/[0-9]*/comm; do
    read -r name <"$each" && [ "$name" = Runner.Worker ] && return
  done 2>/dev/null
  return 1
}

# egr_online: the runner is listening for jobs.
egr_online() {
  [ -e /run/ec2-github-runner/started ] || return
  grep -qs 'Listening for Jobs' "$EGR_LOG" && return
  find "$(cat /run/ec2-github-runner/home)/_diag" -name 'Runner_*' -newer /run/ec2-github-runner/boot -exec grep -q 'Listening for Jobs' {} + 2>/dev/null
}

# egr_signal SIGNAL: to the listener.
egr_signal() {
  local each name
  for each in /proc/[0-9]*; do
    read -r name <"$each/comm" && [ "$name" = Runner.Listener ] && kill -s "$1" "${each#/proc/}"
  done 2>/dev/null
}

# egr_off WHY [now]: end the machine, unless a job is running.
egr_off() {
  # A listener that is held takes no job while we look.
  egr_signal STOP
  if [ $# = 1 ] && egr_busy; then
    egr_signal CONT
    return
  fi
  egr_say "powering off: $1"
  egr_signal TERM
  egr_signal CONT
  systemctl --no-block poweroff
  sleep 60
  systemctl -ff poweroff
}

# egr_watch_job: what is to be seen of the runner.
egr_watch_job() {
  busy=false
  if egr_busy; then
    busy=true last=$now
  fi
  if [ ! -e /run/ec2-github-runner/online ] && { $busy || egr_online; }; then
    : | tee /run/ec2-github-runner/online >/run/ec2-github-runner/state/online
    last=$now
    egr_say 'the runner is online'
  fi
}

egr_watch() {
  local now lived before since last busy restarts=0
  egr_values
  before=$(cat /run/ec2-github-runner/state/lived 2>/dev/null)
  since=$(cat /run/ec2-github-runner/since)
  egr_up
  last=$EGR_UP
  while :; do
    sleep 1
    egr_up
    now=$EGR_UP lived=$((before + EGR_UP - since))
    [ $((now % 30)) != 0 ] || echo $lived >/run/ec2-github-runner/state/lived
    egr_watch_job
    if [ -e /run/ec2-github-runner/failed ]; then
      : "${failed:=$now}"
      [ $((now - failed)) -lt $((egr_keep_failed_seconds)) ] || egr_off "$(cat /run/ec2-github-runner/failed)"
    elif [ ! -e /run/ec2-github-runner/state/online ] && [ $((egr_registration_timeout_seconds)) != 0 ] && [ $lived -ge $((egr_registration_timeout_seconds)) ]; then
      (egr_fail "no runner after $lived s")
    elif [ $((egr_max_lifetime_seconds)) != 0 ] && [ $lived -ge $((egr_max_lifetime_seconds)) ]; then
      if [ "$egr_max_lifetime_hard" = true ]; then
        egr_off "it has lived for $lived s" now
      else
        egr_off "it has lived for $lived s and no job runs"
      fi
    elif [ "$egr_ephemeral" = true ] && [ -e /run/ec2-github-runner/ended ]; then
      egr_off 'the runner has ended'
    elif [ -e /run/ec2-github-runner/online ] && [ $((egr_idle_timeout_seconds)) != 0 ] && [ $((now - last)) -ge $((egr_idle_timeout_seconds)) ]; then
      egr_off "no job for $((now - last)) s"
    fi
  done
}

# The machine's own end, without any credentials: no start that failed and no runner that nobody
# uses keeps a machine alive, and no job is ever cut off, but by a lifetime that the user set.

# egr_find PATTERN: is there a process of such a name? Its number, or their numbers, are in EGR_PIDS. A job is
# running exactly as long as there is a Runner.Worker.
egr_find() {
  local each name
  EGR_PIDS=()
  for each in /proc/[0-9]*; do
    # shellcheck disable=SC2053 # a pattern
    read -r name <"$each/comm" && [[ $name = $1 ]] && EGR_PIDS+=("${each#/proc/}")
  done 2>/dev/null
  [ ${#EGR_PIDS[@]} != 0 ]
}

# egr_off WHY [now]: end the machine, unless a job is running.
egr_off() {
  # A listener that is held takes no job while we look.
  egr_find Runner.Listener && local held=("${EGR_PIDS[@]}") && kill -STOP "${held[@]}"
  if [ $# = 1 ] && egr_find Runner.Worker; then
    kill -CONT "${held[@]}"
    return
  fi
  : >ended
  egr_say "powering off: $1"
  kill "${held[@]}"
  kill -CONT "${held[@]}"
  systemctl --no-block poweroff
  sleep 60
  systemctl -ff poweroff
}

# egr_over NAME SECONDS: the limit of that name; none, as 0, is no limit.
egr_over() { (($1 && $2 >= $1)); }

egr_watch() {
  local before since last lived failed restarts=0 saved=0
  cd /run/ec2-github-runner || exit
  before=$(cat state/lived 2>/dev/null)
  since=$(<since)
  egr_up
  last=$EGR_UP
  while sleep 1; do egr_look; done
}

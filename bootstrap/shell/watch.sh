# The watchdog powers the machine off without any credentials: neither a failed start nor an unused runner keeps a
# machine running, and no job is interrupted, except by a lifetime that the user set.

# egr_find_process PATTERN: reports whether a process of that name exists, and sets EGR_PIDS. A job is running exactly
# as long as there is a Runner.Worker.
egr_find_process() {
  local each name
  EGR_PIDS=()
  for each in /proc/[0-9]*; do
    # shellcheck disable=SC2053 # a pattern
    read -r name <"$each/comm" && [[ $name = $1 ]] && EGR_PIDS+=("${each#/proc/}")
  done 2>/dev/null
  [ ${#EGR_PIDS[@]} != 0 ]
}

# egr_power_off WHY [now]: powers the machine off, unless a job is running and "now" is not given.
egr_power_off() {
  # A stopped listener takes no job during the check.
  egr_find_process Runner.Listener && local held=("${EGR_PIDS[@]}") && kill -STOP "${held[@]}"
  if [ $# = 1 ] && egr_find_process Runner.Worker; then
    kill -CONT "${held[@]}"
    return
  fi
  : >ended
  egr_log "powering off: $1"
  kill "${held[@]}"
  kill -CONT "${held[@]}"
  systemctl --no-block poweroff
  sleep 60
  systemctl -ff poweroff
}

# egr_is_over_limit NAME SECONDS: reports whether the limit of that name is reached. No limit (0 or unset) is never
# reached.
egr_is_over_limit() { (($1 && $2 >= $1)); }

egr_watch_machine() {
  local before since last lived failed restarts=0 saved=0
  cd /run/ec2-github-runner || exit
  before=$(cat state/lived 2>/dev/null)
  since=$(<since)
  egr_read_uptime
  last=$EGR_UPTIME
  while sleep 1; do $EGR_CHECK; done
}

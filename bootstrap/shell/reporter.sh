# The reporter samples what the machine has and uses during a job, and watches for spot interruption notices. It is a
# separate unit, so that it cannot block the watchdog.

egr_start_reporter() {
  local unit=ec2-github-runner-report
  egr_write_unit $unit report DefaultDependencies=no '[Service]' Restart=always RestartSec=1 OOMScoreAdjust=-1000
  systemctl --no-block start $unit || { systemctl daemon-reload && systemctl --no-block start $unit; }
}

# egr_run_reporter: samples all the time, since a job's counts start at the last sample before it.
egr_run_reporter() {
  local tick=0 nap noticed='' dir
  umask 022
  mkdir -p "$EGR_REPORT"
  cd /run/ec2-github-runner || exit
  exec {nap}<> <(:)
  egr_load_facts && ((pid)) && egr_find_memory_group
  cores=$(nproc)
  egr_watch_spot &
  # At a shutdown all processes are terminated, while a job may be running.
  trap 'egr_log_report cut; exit' TERM
  while :; do
    if ((pid)) && ! egr_is_at_work; then
      egr_take_sample "$dir"
      # A job that ended by the shutdown did not end by itself.
      if [ -e ended ] || [[ $(systemctl is-system-running) != stopping ]]; then egr_log_report ended; else egr_log_report cut; fi
    fi
    # The watchdog touches "online" once a second while there is a Runner.Worker. Both times are of the same clock.
    if ((!pid)) && [ online -nt looked ]; then
      ! egr_find_process Runner.Worker || egr_begin_job "${EGR_PIDS[0]}"
    fi
    : >looked
    if ((tick++ % 10 == 0)); then
      dir=$(<state/configured)/_work
      egr_take_sample "$dir"
      egr_save_facts
    fi
    if [ -z "$noticed" ] && [ -s "$EGR_REPORT/spot" ]; then
      noticed=1
      egr_log "spot notice: $(<"$EGR_REPORT/spot")"
      egr_log_report running
    fi
    # Sleeps half a second without a process.
    read -rt .5 -u "$nap"
  done 2>/dev/null
}

# egr_is_at_work: reports whether the job's process still exists.
egr_is_at_work() {
  local name
  read -r name <"/proc/$pid/comm" && [ "$name" = Runner.Worker ]
} 2>/dev/null

# egr_log_report STATE: prints the report to the console, in the form that bootstrap/report.go defines.
egr_log_report() {
  local name text='' seconds cpu steal killed limits
  ((pid)) || return
  egr_compute_result
  for name in job seconds cores cpu cpu_peak steal steal_peak load memory memory_peak cached_peak killed swap swap_peak disk disk_peak inodes limits; do
    [ -z "${!name}" ] || text+=" $name=${!name}"
  done
  egr_log "job report:$text state=$1"
  [ "$1" = running ] || pid=0
  egr_save_facts
}

# egr_request_imds METHOD PATH HEADER: makes a request to the instance metadata service without another program, and
# sets EGR_STATUS and EGR_BODY.
egr_request_imds() {
  local at line
  EGR_STATUS='' EGR_BODY=''
  exec {at}<>/dev/tcp/169.254.169.254/80 || return
  printf '%s /latest/%s HTTP/1.0\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token%s\r\n\r\n' "$@" >&"$at"
  read -rt 5 -u "$at" _ EGR_STATUS _
  while read -rt 5 -u "$at" line && [ "$line" != $'\r' ]; do :; done
  read -rt 5 -u "$at" EGR_BODY
  exec {at}>&-
} 2>/dev/null

# egr_watch_spot: polls EC2's interruption notice, which comes two minutes ahead, every five seconds.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
egr_watch_spot() {
  local token='' spot='' tries=0
  while :; do
    if [ -z "$token" ]; then
      egr_request_imds PUT api/token -ttl-seconds:21600
      [ "$EGR_STATUS" = 200 ] && token=$EGR_BODY
    fi
    if [ -z "$spot" ]; then
      # Without the service, or if the instance is not spot, there is no notice to wait for.
      ((tries++ < 120)) || return
      egr_request_imds GET meta-data/instance-type ": $token"
      [[ $EGR_STATUS != 200 || $EGR_BODY = *[!a-z0-9.-]* ]] || echo "$EGR_BODY" >"$EGR_REPORT/type"
      egr_request_imds GET meta-data/instance-life-cycle ": $token"
      [ "$EGR_STATUS" != 200 ] || spot=$EGR_BODY
      [ -z "$spot" ] || [ "$spot" = spot ] || return
    else
      egr_request_imds GET meta-data/spot/instance-action ": $token"
      if [ "$EGR_STATUS" = 200 ] && [[ $EGR_BODY =~ \"action\":\ *\"([a-z]+)\",\ *\"time\":\ *\"([0-9TZ:-]+)\" ]]; then
        echo "${BASH_REMATCH[1]} at ${BASH_REMATCH[2]}" >"$EGR_REPORT/spot"
        return
      fi
    fi
    [ "$EGR_STATUS" != 401 ] || token=''
    sleep 5
  done
}

# shellcheck disable=SC2317 # the unit calls it
[ "${1-}" != report ] || egr_run_reporter

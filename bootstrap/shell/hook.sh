# The report in the job's own log, by a hook that the runner runs as the job's last step. If the hook failed or did not
# exist, the job would fail: it is readable for everybody, exits with 0, and takes at most two seconds.
# https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/run-scripts

# shellcheck disable=SC2034 # what starts the runner calls it
EGR_HOOK=egr_install_hook

# egr_install_hook: installs the hook for the runner in EGR_HOME. It then runs the hook that the machine already has.
egr_install_hook() {
  # shellcheck disable=SC2153
  local env=$EGR_HOME/.env hook=$EGR_REPORT/hook.sh name=ACTIONS_RUNNER_HOOK_JOB_COMPLETED own line named=''
  own=${!name}
  egr_start_reporter
  (umask 022 && mkdir -p "$EGR_REPORT")
  # An earlier start of this boot may have installed it, and a copy of .env may be in a runner's new folder.
  umount "$env" 2>/dev/null
  ! grep -qsxF "$name=$hook" "$env" || sed -i "\\|^$name=$hook\$|d" "$env"
  # A value in the file takes precedence over the environment, and the last line over others. (actions/runner v2.336.0,
  # src/Runner.Listener/Program.cs#L172-L199)
  while IFS= read -r line || [ -n "$line" ]; do
    [ "${line%%=*}" != $name ] || named=1 own=${line#*=} own=${own%$'\r'}
  done 2>/dev/null <"$env"
  [ "$own" != "$hook" ] || own=
  if ! (umask 022 && egr_print_hook "$own" >"$hook.new" && mv -f "$hook.new" "$hook") || ! (egr_is_readable "$hook"); then
    egr_log "warning: no job report in jobs' logs: the runner cannot read $hook"
    return
  fi
  # Mounted over the file rather than written to it, so that no image made from this machine names the hook.
  [ -z "$named" ] || egr_mount_env "$env" || {
    egr_log "warning: no job report in jobs' logs: another $env cannot be mounted"
    return
  }
  export $name="$hook"
}

# egr_mount_env FILE: mounts a copy over FILE in which the caller's $hook comes last.
egr_mount_env() {
  cp -p "$1" "$EGR_REPORT/env" && printf '\n%s\n' "$name=$hook" >>"$EGR_REPORT/env" && mount --bind "$EGR_REPORT/env" "$1"
}

# egr_is_readable FILE: reports whether the runner's user can read it.
egr_is_readable() {
  [ -z "$egr_user" ] || exec runuser -u "$egr_user" -- test -r "$1"
  [ -r "$1" ]
}

# egr_print_hook OWN: prints the hook, which then runs OWN as the runner would. (actions/runner v2.336.0,
# src/Runner.Common/HostContext.cs#L812-L835, src/Runner.Worker/Handlers/ScriptHandlerHelpers.cs#L13-L21)
egr_print_hook() {
  local node
  echo '#!/bin/bash'
  echo "EGR_REPORT=$EGR_REPORT EGR_FACTS='$EGR_FACTS'"
  declare -f egr_raise_max egr_load_facts egr_begin_job egr_find_memory_group egr_read_count egr_take_sample egr_sample_processors egr_compute_shares \
    egr_sample_memory egr_sample_group egr_sample_disks egr_compute_result egr_format_gib egr_suggest_type egr_print_limit egr_print_report
  # A command that hangs, for example on a network disk, is left behind.
  # shellcheck disable=SC2016
  printf '%s\n' 'if [ "$1" = tell ]; then egr_print_report "$2"; exit 0; fi' \
    'PATH=/usr/bin:/bin BASH_ENV= timeout -s KILL 2 bash "$0" tell $PPID 2>/dev/null || :'
  case $1 in
    '') ;;
    *.sh) printf 'exec bash -e %q\n' "$1" ;;
    *.ps1) printf "exec pwsh -command %q\n" ". '$1'" ;;
    *.js)
      for node in "$EGR_HOME"/externals/node[0-9][0-9]/bin/node; do :; done
      printf 'exec %q %q\n' "$node" "$1"
      ;;
    *) printf 'echo %q\nexit 1\n' "$1 is not a valid path to a script. Make sure it ends in '.sh', '.ps1' or '.js'." ;;
  esac
}

# egr_format_gib KIB...: formats sizes as in 15.6, into the array EGR_GIB.
egr_format_gib() {
  local each tenths
  EGR_GIB=()
  for each; do
    tenths=$(((each * 10 + 524288) / 1048576))
    EGR_GIB+=("$((tenths / 10)).$((tenths % 10))")
  done
}

# egr_suggest_type: sets EGR_LARGER to the next larger size of the machine's type as an example, if there certainly is
# one.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
egr_suggest_type() {
  local type sizes=(nano micro small medium large xlarge 2xlarge 4xlarge) at
  EGR_LARGER=''
  read -r type <"$EGR_REPORT/type" || return
  [[ $type =~ ^([cmr][5-9]|[cmr][0-9][a-z-]+|g[4-6][a-z]*|t[2-4][ag]?)\. && $type != *zn.* ]] || return
  for at in {0..6}; do
    [ "${type#*.}" != "${sizes[at]}" ] || [[ $type = t*.2xlarge ]] || EGR_LARGER=", for example ${type%%.*}.${sizes[at + 1]}"
  done
} 2>/dev/null

# egr_print_limit NAME: prints what to do about a limit, as an annotation.
egr_print_limit() {
  local text many=processes
  ((killed != 1)) || many=process
  case $1 in
    memory)
      egr_suggest_type
      egr_format_gib "$memory_peak" "$memory"
      text="peak ${EGR_GIB[0]} of ${EGR_GIB[1]} GiB: take a type with more memory$EGR_LARGER"
      ((killed == 0)) || text="the kernel killed $killed $many; $text"
      ;;
    container) text="the kernel killed $killed $many at the memory limit of a container, not of the machine: raise that limit" ;;
    cpu)
      egr_suggest_type
      text="busy $cpu % of the time, with $((load / cores / 100)) processes for each of $cores cores: take a type with more cores$EGR_LARGER"
      ;;
    steal) text="$steal % of the processor's time went to other machines: the type's CPU credits may be used up: take a type without credits, for example m7i.large, or unlimited credits" ;;
    disk)
      egr_format_gib "$disk_peak" "$disk"
      text="peak ${EGR_GIB[0]} of ${EGR_GIB[1]} GiB and $inodes % of the inodes: set a larger ec2-volume-size"
      ;;
    swap)
      egr_format_gib "$swap_peak" "$swap"
      text="peak ${EGR_GIB[0]} of ${EGR_GIB[1]} GiB: take a type with more memory"
      ;;
  esac
  echo "::warning title=Job report::$1: $text"
}

# egr_print_report PID: prints the report of the job of that Worker: to its log, its summary and, for limits,
# annotations.
egr_print_report() {
  local seconds cpu steal killed limits try row rows
  for try in 1 2 3 4 5; do
    # The reporter may be writing the facts right now.
    ! egr_load_facts || break
    sleep .1
  done
  ((cpu_at)) || { echo "no job report: nothing was sampled on this machine"; return; }
  if [ "$pid" = "$1" ]; then egr_find_memory_group; else egr_begin_job "$1"; fi
  egr_take_sample .
  egr_compute_result
  egr_format_gib "$memory_peak" "$memory" "$swap_peak" "$swap" "$disk_peak" "$disk"
  rows=("time|$seconds s"
    "CPU|$cores cores, busy $cpu % of the time (at most $cpu_peak %), stolen $steal %, load per core at most $((load / cores / 100)).$((load / cores / 10 % 10))"
    "memory|at most ${EGR_GIB[0]} of ${EGR_GIB[1]} GiB, processes killed by the kernel: ${killed:-unknown}"
    "swap|at most ${EGR_GIB[2]} of ${EGR_GIB[3]} GiB"
    "disk|at most ${EGR_GIB[4]} of ${EGR_GIB[5]} GiB, $inodes % of the inodes")
  ((swap)) || rows[3]='swap|none'
  echo 'Job report:'
  for row in "${rows[@]}"; do printf '  %-7s %s\n' "${row%%|*}" "${row#*|}"; done
  {
    printf '### Job report\n\n| | |\n| --- | --- |\n'
    for row in "${rows[@]}"; do printf '| %s | %s |\n' "${row%%|*}" "${row#*|}"; done
    echo
  } >>"$GITHUB_STEP_SUMMARY"
  for row in ${limits//,/ }; do egr_print_limit "$row"; done
  [ ! -s "$EGR_REPORT/spot" ] || echo "::warning title=Job report::spot: EC2 reclaims this machine ($(<"$EGR_REPORT/spot")): run the job again, or use an on-demand instance"
}

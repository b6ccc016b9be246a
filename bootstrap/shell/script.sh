# The user's script, between the packages and the download. Its output goes to the log only. EGR_SCRIPT is its name for
# messages; setupscript.sh sets it to its own.

# egr_begin_script: from here to the end of the script a failing command exits the shell, as with machulav's action.
# Sets EGR_SOURCE to the file to source: the script or, if an earlier boot completed it, what it exported.
egr_begin_script() {
  EGR_SOURCE=/run/ec2-github-runner/state/env
  [ ! -e /run/ec2-github-runner/state/prepared ] || return
  # /run does not survive a boot: the script runs again in another boot, but never twice in one.
  EGR_SOURCE=/run/ec2-github-runner/${EGR_SCRIPT=pre-runner-script}.sh
  [ ! -e "$EGR_SOURCE" ] || egr_fail "$EGR_SCRIPT was killed"
  egr_print_part script >"$EGR_SOURCE"
  egr_log "running $EGR_SCRIPT"
  trap 'EGR_AT=$LINENO EGR_WHAT=$BASH_COMMAND' ERR
  trap egr_on_script_exit EXIT
  # Terminated from outside, by a reboot: the script has not completed, and runs again.
  trap 'trap - EXIT; builtin exit' TERM
  egr_record_exit
  set -eE
}

# egr_on_script_exit: called if the script exits the shell instead of reaching its end.
egr_on_script_exit() {
  local code=$?
  ((code)) || $EGR_MAIN
  egr_leave_script
  egr_fail "$EGR_SCRIPT failed with exit $code${EGR_AT:+ at line $EGR_AT: ${EGR_WHAT%%$'\n'*}}"
}

# egr_finish_script: passes the script's exports to the runner, and saves them for later boots in a folder that only
# root can read.
egr_finish_script() {
  egr_leave_script
  IFS=$' \t\n'
  if [ ! -e /run/ec2-github-runner/state/prepared ]; then
    egr_log 'ran pre-runner-script'
    { export -p; declare -fx; printf 'cd %q\n' "$PWD"; } >/run/ec2-github-runner/state/env
    : >/run/ec2-github-runner/state/prepared
  fi
  # The runner runs in the directory that the script changed to, unless a runner is installed where it should be.
  if [ -f config.sh ] || [ "$EGR_DIR" = /actions-runner ]; then EGR_DIR=$PWD; fi
}

# egr_leave_script: reverts what applies to the script only, and what it may have set.
egr_leave_script() {
  trap - EXIT ERR TERM
  set +eEuxvf
  unset -f exit
}

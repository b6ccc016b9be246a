# The user's script, between the packages and the download. What it prints goes to the log only.
# EGR_SCRIPT is its name, unless another script goes the same way.

# egr_begin_script: from here to its end a command that fails ends the shell, as in machulav's. What is to be sourced is
# in EGR_SOURCE: what the script exported, where an earlier boot came to its end.
egr_begin_script() {
  EGR_SOURCE=/run/ec2-github-runner/state/env
  [ ! -e /run/ec2-github-runner/state/prepared ] || return
  # /run does not outlive a boot: in another one it runs again, in this one never.
  EGR_SOURCE=/run/ec2-github-runner/${EGR_SCRIPT=pre-runner-script}.sh
  [ ! -e "$EGR_SOURCE" ] || egr_fail "$EGR_SCRIPT was killed"
  egr_print_part script >"$EGR_SOURCE"
  egr_log "running $EGR_SCRIPT"
  trap 'EGR_AT=$LINENO EGR_WHAT=$BASH_COMMAND' ERR
  trap egr_on_script_exit EXIT
  # Ended from outside, by a reboot: the script has not come to its end, and runs again.
  trap 'trap - EXIT; builtin exit' TERM
  egr_record_exit
  set -eE
}

# egr_on_script_exit: the script left the shell instead of coming to its end.
egr_on_script_exit() {
  local code=$?
  ((code)) || $EGR_MAIN
  egr_leave_script
  egr_fail "$EGR_SCRIPT failed with exit $code${EGR_AT:+ at line $EGR_AT: ${EGR_WHAT%%$'\n'*}}"
}

# egr_finish_script: to the runner goes what the script exported, and to later boots by a folder that is root's alone.
egr_finish_script() {
  egr_leave_script
  IFS=$' \t\n'
  if [ ! -e /run/ec2-github-runner/state/prepared ]; then
    egr_log 'ran pre-runner-script'
    { export -p; declare -fx; printf 'cd %q\n' "$PWD"; } >/run/ec2-github-runner/state/env
    : >/run/ec2-github-runner/state/prepared
  fi
  # Where the script went, the runner goes too, unless one stands ready where it should.
  if [ -f config.sh ] || [ "$EGR_DIR" = /actions-runner ]; then EGR_DIR=$PWD; fi
}

# egr_leave_script: what only the script was to notice, and what it may have set itself.
egr_leave_script() {
  trap - EXIT ERR TERM
  set +eEuxvf
  unset -f exit
}

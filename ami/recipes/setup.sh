# The user's setup-script: runs as root in bash, and a failing command fails the bake. Its output goes to the log only.

egr_step_setup_script() {
  [ -n "$part_script" ] || return 0
  egr_print_part script >/run/ec2-github-runner/setup-script.sh
  trap 'EGR_AT=$LINENO EGR_WHAT=$BASH_COMMAND' ERR
  trap egr_on_setup_exit EXIT
  egr_record_exit
  set +o pipefail
  . /run/ec2-github-runner/setup-script.sh
}

# egr_on_setup_exit: called at the script's end, or at an exit in it.
egr_on_setup_exit() {
  local code=$? said
  trap - EXIT ERR
  set +eEuxvf
  unset -f exit
  [ $code != 0 ] || exit 0
  said=$(grep -o 'setup-script.sh: line [0-9]*: syntax error.*' "$EGR_LOG" | tail -n 1)
  [ -n "$said" ] || said=${EGR_AT:+line $EGR_AT: ${EGR_WHAT%%$'\n'*}}
  egr_fail "exit $code${said:+ at ${said#setup-script.sh: }}"
}

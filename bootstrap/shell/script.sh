# The user's script, between the packages and the download. What it prints goes to the log only.
# EGR_SCRIPT is its name, unless another script goes the same way.

# egr_before_script: from here to its end a command that fails ends the shell, as in machulav's.
egr_before_script() {
  # /run does not outlive a boot: in another one it runs again, in this one never.
  [ ! -e "/run/ec2-github-runner/${EGR_SCRIPT=pre-runner-script}.sh" ] || egr_fail "$EGR_SCRIPT was killed"
  egr_part script >"/run/ec2-github-runner/$EGR_SCRIPT.sh"
  egr_say "running $EGR_SCRIPT"
  trap 'EGR_AT=$LINENO EGR_WHAT=$BASH_COMMAND' ERR
  trap egr_script_ended EXIT
  # Ended from outside, by a reboot: the script has not come to its end, and runs again.
  trap 'trap - EXIT; builtin exit' TERM
  egr_watch_exit
  set -eE
}

# egr_script_ended: the script left the shell instead of coming to its end.
egr_script_ended() {
  local code=$?
  ((code)) || egr_go
  trap - EXIT ERR TERM
  set +eEuxvf
  unset -f exit
  egr_fail "$EGR_SCRIPT failed with exit $code${EGR_AT:+ at line $EGR_AT: ${EGR_WHAT%%$'\n'*}}"
}

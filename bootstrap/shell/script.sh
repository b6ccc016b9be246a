# The user's script, between the packages and the download. What it prints goes to the log only.

# egr_before_script: from here to its end a command that fails ends the shell, as in machulav's.
egr_before_script() {
  egr_part script >/run/ec2-github-runner/pre-runner-script.sh
  egr_say 'running pre-runner-script'
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
  [ $code != 0 ] || egr_go
  trap - EXIT ERR
  set +eEuxv
  unset -f exit
  egr_fail "pre-runner-script failed with exit $code${EGR_AT:+ at line $EGR_AT: ${EGR_WHAT%%$'\n'*}}"
}

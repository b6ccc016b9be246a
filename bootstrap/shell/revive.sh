# Something killed the shell around the runner.

egr_revive() {
  if [ "$egr_ephemeral" = true ] || [ "$egr_registration" = jit ] || ((restarts++ >= 5)); then
    egr_say 'the runner was killed'
    : >ended
  else
    egr_say 'warning: the runner was killed and is started again'
    rm -f pid
    systemctl --no-block start ec2-github-runner
  fi
}

# What to do if something killed the shell that runs the runner.

egr_restart_runner() {
  if [ "$egr_single_use" ] || ((restarts++ >= 5)); then
    egr_log 'the runner was killed'
    : >ended
  else
    egr_log 'warning: the runner was killed and is started again'
    rm -f pid
    systemctl --no-block start ec2-github-runner
  fi
}

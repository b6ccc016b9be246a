# The runner. It is started by the shell that sourced the user's script, so that exports, functions and the current
# directory reach it.

# egr_runner_main: runs from the end of the user's script to the end of the runner; does not return.
EGR_MAIN=egr_runner_main
egr_runner_main() {
  [ -z "$part_script" ] || egr_finish_script
  . /run/ec2-github-runner/secrets
  egr_decode egr_token egr_download_token egr_jit
  # In a subshell or, after the user's script, in a new shell that sees only the script's exports.
  if [ -z "$part_script" ]; then (egr_set_up_runner "$EGR_DIR"); else /bin/bash /run/ec2-github-runner/boot setup "$EGR_DIR"; fi </dev/null || {
    [ -e /run/ec2-github-runner/failed ] || egr_fail 'the setup was killed'
    exit
  }
  EGR_JIT=${jit_config:-$egr_jit}
  unset jit_config egr_jit egr_token egr_download_token
  rm -f /run/ec2-github-runner/secrets
  [ "$egr_service" != true ] || exit
  while egr_run_runner; do :; done
  exit
}

# egr_exec_runner: runs the runner until it ends.
egr_exec_runner() (
  # shellcheck disable=SC2153 # of the chapter hook
  $EGR_HOOK
  [ -z "$EGR_JIT" ] || export ACTIONS_RUNNER_INPUT_JITCONFIG=$EGR_JIT
  [ -z "$egr_user" ] || egr_exec_as_user "$EGR_HOME/run.sh"
  exec "$EGR_HOME/run.sh"
)

# egr_run_runner: runs the runner once; returns true if it is to be started again.
egr_run_runner() {
  local code
  EGR_HOME=$(</run/ec2-github-runner/state/configured)
  : >/run/ec2-github-runner/started
  egr_log 'starting runner'
  egr_exec_runner </dev/null
  code=$?
  [ ! -e /run/ec2-github-runner/ended ] || return
  # A registration by token survives a runner that something killed (run.sh then exits with 0); a single-use one does
  # not. A runner that GitHub no longer knows has deleted its registration.
  if [ $code = 7 ] && [ -z "$EGR_RENEWED" ] && egr_upgrade_runner "$(egr_print_version "$EGR_HOME")"; then
    EGR_RENEWED=1
    [ -z "$egr_user" ] || egr_give_files
    echo "$EGR_HOME" >/run/ec2-github-runner/state/configured
  elif [ -z "$egr_single_use" ] && [ -e "$EGR_HOME/.runner" ] && ((EGR_TRIES++ < 5)); then
    egr_log "warning: the runner ended with exit $code and is started again"
    # If the listener survives its run.sh, wait for it: a second one would conflict with it.
    while sleep 2 && egr_find_process 'Runner.*'; do :; done
  else
    # The same if something killed run.sh: the one job may still come.
    while ((code > 127)) && egr_find_process Runner.Listener; do sleep 2; done
    [ -e /run/ec2-github-runner/state/told ] || egr_is_online || egr_fail "the runner ended with exit $code before it was online"
    egr_log "the runner ended with exit $code"
    : >/run/ec2-github-runner/ended
    return 1
  fi
}

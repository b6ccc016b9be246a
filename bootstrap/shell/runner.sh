# The runner itself. The shell that sources the user's script also starts the runner, so that exports,
# functions and the current directory reach it.

# egr_go: from the end of the script to the end of the runner; does not return.
egr_go() {
  [ -z "$part_script" ] || egr_after_script
  . /run/ec2-github-runner/secrets
  egr_decode egr_token egr_download_token egr_jit
  # In a shell of its own; after the user's script, in one that sees only what that exported.
  if [ -z "$part_script" ]; then (egr_setup "$EGR_DIR"); else /bin/bash /run/ec2-github-runner/boot setup "$EGR_DIR"; fi </dev/null || {
    [ -e /run/ec2-github-runner/failed ] || egr_fail 'the setup was killed'
    exit
  }
  EGR_JIT=${jit_config:-$egr_jit}
  unset jit_config egr_jit egr_token egr_download_token
  rm -f /run/ec2-github-runner/secrets
  [ "$egr_service" != true ] || exit
  while egr_run_once; do :; done
  exit
}

# egr_start: the runner, until it ends.
egr_start() (
  # shellcheck disable=SC2153 # of the chapter hook
  $EGR_HOOK
  [ -z "$EGR_JIT" ] || export ACTIONS_RUNNER_INPUT_JITCONFIG=$EGR_JIT
  [ -z "$egr_user" ] || egr_as_user "$EGR_HOME/run.sh"
  exec "$EGR_HOME/run.sh"
)

# egr_run_once: true if the runner is to be started again.
egr_run_once() {
  local code
  EGR_HOME=$(</run/ec2-github-runner/state/configured)
  : >/run/ec2-github-runner/started
  egr_say 'starting runner'
  egr_start </dev/null
  code=$?
  [ ! -e /run/ec2-github-runner/ended ] || return
  # A registration by token outlives a runner that something killed (run.sh ends with 0 then); a
  # single-use one does not.
  if [ $code = 7 ] && [ -z "$EGR_RENEWED" ] && egr_beside "$(egr_version "$EGR_HOME")"; then
    EGR_RENEWED=1
    [ -z "$egr_user" ] || egr_own_files
    echo "$EGR_HOME" >/run/ec2-github-runner/state/configured
  elif [ "$egr_ephemeral" != true ] && [ -z "$EGR_JIT" ] && ((EGR_TRIES++ < 5)); then
    egr_say "warning: the runner ended with exit $code and is started again"
    # A listener that lives on without its run.sh is waited for: a second one would only be in its way.
    while sleep 2 && egr_find 'Runner.*'; do :; done
  else
    # So it is here where something killed run.sh: the one job may be still to come.
    while ((code > 127)) && egr_find Runner.Listener; do sleep 2; done
    [ -e /run/ec2-github-runner/online ] || egr_online || egr_fail "the runner ended with exit $code before it was online"
    egr_say "the runner ended with exit $code"
    : >/run/ec2-github-runner/ended
    return 1
  fi
}

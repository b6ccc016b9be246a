# The runner itself. The shell that sources the user's script also starts the runner, so that exports,
# functions and the current directory reach it.

# egr_begin: what comes before the user's script.
egr_begin() {
  egr_values
  unset egr_token egr_jit egr_download_token jit_config
  export HOME=/root RUNNER_ALLOW_RUNASROOT=1
  ulimit -n 524288 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  echo $$ >/run/ec2-github-runner/pid
  EGR_DIR=${egr_home_dir:-/actions-runner}
  [ "${EGR_DIR:0:1}" = / ] || EGR_DIR=/$EGR_DIR
  [ -e /run/ec2-github-runner/state/prepared ] || egr_packages
  mkdir -p "$EGR_DIR"
  cd "$EGR_DIR" || egr_fail "open $EGR_DIR: no such directory"
}

# egr_script_ended: the user's script left the shell instead of coming to its end.
egr_script_ended() {
  local code=$?
  trap - EXIT ERR
  set +eEuxv
  if [ "$code" = 0 ]; then
    egr_say 'warning: pre-runner-script called exit; going on'
    egr_go
  fi
  egr_fail "pre-runner-script failed with exit $code${EGR_AT:+ at line $EGR_AT: ${EGR_WHAT%%$'\n'*}}"
}

# egr_go: from the end of the script to the end of the runner; does not return.
egr_go() {
  trap - EXIT ERR
  set +eEuxvf
  unset -f exit
  unset CDPATH
  IFS=$' \t\n'
  if [ ! -e /run/ec2-github-runner/state/prepared ]; then
    [ -z "$part_script" ] || egr_say 'ran pre-runner-script'
    { export -p; declare -fx; printf 'cd %q\n' "$PWD"; } >/run/ec2-github-runner/state/env
    : >/run/ec2-github-runner/state/prepared
  fi
  # Where the script went, the runner goes too, unless a runner stands ready where it should.
  if [ -z "$egr_home_dir" ] || [ -f "$PWD/config.sh" ]; then EGR_DIR=$PWD; fi
  /bin/bash /run/ec2-github-runner/boot setup "$EGR_DIR" </dev/null || { [ -e /run/ec2-github-runner/failed ] || egr_fail 'the setup was killed'; exit; }
  [ "$egr_service" != true ] || exit
  egr_values
  rm -f /run/ec2-github-runner/secrets
  EGR_JIT=${jit_config:-$egr_jit}
  while egr_run_once; do :; done
}

# egr_start: the runner, as its user, until it ends.
egr_start() (
  set -- "$EGR_HOME/run.sh"
  [ -z "$EGR_JIT" ] || export ACTIONS_RUNNER_INPUT_JITCONFIG=$EGR_JIT
  # Without it run.sh ends with 0 when GitHub refuses the runner's version.
  export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
  if [ -n "$egr_user" ]; then
    [ "$HOME" != /root ] || HOME=$(getent passwd "$egr_user" | cut -d : -f 6)
    export USER=$egr_user LOGNAME=$egr_user
    set -- runuser -u "$egr_user" -- "$@"
  fi
  exec "$@"
)

# egr_run_once: true if the runner is to be started again.
egr_run_once() {
  local code
  EGR_HOME=$(cat /run/ec2-github-runner/home)
  : >/run/ec2-github-runner/started
  egr_say 'starting runner'
  egr_start </dev/null
  code=$?
  if [ $code = 7 ] && [ ! -e /run/ec2-github-runner/renewed ]; then
    : >/run/ec2-github-runner/renewed
    egr_say 'warning: GitHub refuses this version of the runner: bake the image again'
    egr_renew && return
  fi
  # A registration by token outlives a runner that something killed; a single-use one does not.
  if [ $code != 0 ] && [ -z "$EGR_JIT" ] && [ $((EGR_TRIES++)) -lt 5 ]; then
    egr_say "warning: the runner ended with exit $code and is started again"
    sleep 2
    while egr_busy; do sleep 2; done
    return
  fi
  [ $code = 0 ] || [ -e /run/ec2-github-runner/online ] || egr_fail "the runner ended with exit $code before it was online"
  egr_say "the runner ended with exit $code"
  echo $code >/run/ec2-github-runner/ended
  return 1
}

# egr_renew: the current runner beside the refused one, with its registration.
egr_renew() {
  local new
  egr_choose && new=${EGR_HOME%/}-$EGR_VERSION && egr_download "$new" || return
  cp -p "$EGR_HOME"/.{env,path,runner,credentials,credentials_rsaparams} "$new/" 2>/dev/null
  [ -z "$egr_user" ] || chown -R -- "$egr_user" "$new"
  echo "$new" | tee /run/ec2-github-runner/home >/run/ec2-github-runner/state/configured
}

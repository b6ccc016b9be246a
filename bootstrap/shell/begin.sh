# What comes before everything else on the machine.

# egr_begin: from the start to the user's script.
egr_begin() {
  export HOME=/root RUNNER_ALLOW_RUNASROOT=1
  # Without it run.sh ends with 0 when GitHub refuses the runner's version.
  export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
  ulimit -n 524288 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  echo $$ >/run/ec2-github-runner/pid
  [ "$egr_debug" != true ] || egr_debug
  egr_done || egr_once
  egr_dir
  mkdir -p "$EGR_DIR"
  cd "$EGR_DIR" || egr_fail "open $EGR_DIR: no such directory"
}

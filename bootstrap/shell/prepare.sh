# The first steps of the runner's unit.

# egr_prepare_machine: prepares everything up to the user's script.
egr_prepare_machine() {
  export HOME=/root RUNNER_ALLOW_RUNASROOT=1
  # Otherwise run.sh exits with 0 when GitHub refuses the runner's version.
  export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
  ulimit -n 524288 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  echo $$ >/run/ec2-github-runner/pid
  [ "$egr_debug" != true ] || egr_show_debug
  egr_once_done || egr_do_once
  egr_choose_dir
  mkdir -p "$EGR_DIR"
  cd "$EGR_DIR" || egr_fail "open $EGR_DIR: no such directory"
}

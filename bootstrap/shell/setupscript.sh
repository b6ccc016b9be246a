# The setup that needs no job: runs once on a machine, in a shell of its own. A warm-up runs it for the start that
# claims the machine; if it did not complete there, the start runs it.

egr_run_setup_script() {
  # Not in a list of && or ||, in which bash ignores failing commands.
  (
    # shellcheck disable=SC2034 # egr_print_part reads it
    EGR_SCRIPT=setup-script part_script=$part_setup_script
    # shellcheck disable=SC2317 # where the script leaves its shell
    EGR_MAIN='builtin exit'
    egr_begin_script
    # shellcheck source=/dev/null
    . "$EGR_SOURCE"
  )
  # shellcheck disable=SC2181
  [ $? = 0 ] || {
    [ -e /run/ec2-github-runner/failed ] || egr_fail 'the setup was killed'
    exit
  }
  egr_log 'ran setup-script'
}

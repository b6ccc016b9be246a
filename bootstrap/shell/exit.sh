# Records where the user's script calls exit, for the message: a trap does not know the line of an exit.

egr_record_exit() {
  # shellcheck disable=SC2317 # it is the script that calls it
  exit() {
    local code=${1-$?}
    EGR_AT=${BASH_LINENO[0]} EGR_WHAT="exit $code"
    builtin exit "$code"
  }
}

# The verbs. Without one it is cloud-init that calls, and that goes on at once.

case ${1-} in
  '') egr_start_bake </dev/null >/dev/null 2>&1 & ;;
  bake)
    egr_decode "${!egr_@}"
    egr_run_steps
    ;;
  step)
    egr_decode "${!egr_@}"
    egr_run_step "$2"
    ;;
esac

# The commands of this script. Without one, cloud-init is the caller and must not wait.

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

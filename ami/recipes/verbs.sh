# The verbs. Without one it is cloud-init that calls, and that goes on at once.

case ${1-} in
  '') egr_bake_handover </dev/null >/dev/null 2>&1 & ;;
  bake)
    egr_decode "${!egr_@}"
    egr_bake
    ;;
  step)
    egr_decode "${!egr_@}"
    egr_step "$2"
    ;;
esac

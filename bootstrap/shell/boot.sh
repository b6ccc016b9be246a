# The verbs. Without one it is cloud-init that calls.

case ${1-} in
  '') egr_handover ;;
  watch) egr_watch ;;
  fetch)
    exec > >(tee /run/ec2-github-runner/fetch.log) 2>&1
    egr_values
    EGR_DIR=${egr_home_dir:-/actions-runner}
    [ "${EGR_DIR:0:1}" = / ] || EGR_DIR=/$EGR_DIR
    egr_provide "$EGR_DIR"
    ;;
  setup) egr_setup "$2" ;;
  main)
    rm -f "$EGR_LOG"
    exec >"$EGR_LOG" 2>&1
    cat /run/ec2-github-runner/fetch.log 2>/dev/null
    egr_begin
    if [ -e /run/ec2-github-runner/state/prepared ]; then
      # shellcheck disable=SC1091 # what the script exported at the first boot
      . /run/ec2-github-runner/state/env
    elif [ -n "$part_script" ]; then
      egr_part script >/run/ec2-github-runner/pre-runner-script.sh
      egr_say 'running pre-runner-script'
      trap 'EGR_AT=$LINENO EGR_WHAT=$BASH_COMMAND' ERR
      exit() {
        local code=${1-$?}
        EGR_AT=${BASH_LINENO[0]} EGR_WHAT="exit $code"
        builtin exit "$code"
      }
      trap egr_script_ended EXIT
      set -eE
      # Not in a function: what the script declares must be global.
      # shellcheck disable=SC1091
      . /run/ec2-github-runner/pre-runner-script.sh
    fi
    egr_go
    ;;
esac

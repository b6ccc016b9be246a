# The commands of this script. Without one, cloud-init is the caller and must not wait.

case ${1-} in
  '') egr_start_units </dev/null >/dev/null 2>&1 & ;;
  watch)
    egr_decode "${!egr_@}" || {
      # Without its values the machine is powered off at once or, if that fails, by these limits: the registration
      # timeout is the first to apply, since no runner comes online.
      egr_keep_failed_seconds=0 egr_registration_timeout_seconds=600
      (egr_fail 'the user data cannot be decoded')
    }
    egr_watch_machine
    ;;
  fetch)
    # Not in /tmp, which is emptied during the boot.
    EGR_LOG=/run/ec2-github-runner/fetch.log
    exec >$EGR_LOG 2>&1
    . /run/ec2-github-runner/secrets
    egr_decode "${!egr_@}" || exit
    export HOME=/root RUNNER_ALLOW_RUNASROOT=1
    egr_once_done || [ -z "$part_certificates" ] || egr_trust_certificates
    egr_choose_dir
    egr_configure_runner "$EGR_DIR"
    ;;
  setup)
    . /run/ec2-github-runner/secrets
    egr_decode "${!egr_@}" || exit
    egr_set_up_runner "$2"
    ;;
  main)
    [ ! -e /run/ec2-github-runner/failed ] && [ ! -s /run/ec2-github-runner/state/ended ] || exit
    # Each boot has its own log. Neither mv nor rm follows a link that somebody left in /tmp.
    [ -e /run/ec2-github-runner/started ] || mv -f /run/ec2-github-runner/fetch.log "$EGR_LOG" || rm -f "$EGR_LOG"
    exec >>"$EGR_LOG" 2>&1
    egr_decode "${!egr_@}" || exit
    egr_prepare_machine
    if [ -n "$part_script" ]; then
      egr_begin_script
      # Not in a function: what the script declares must be global.
      # shellcheck source=/dev/null
      . "$EGR_SOURCE"
    fi
    $EGR_MAIN
    ;;
esac

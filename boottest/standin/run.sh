#!/bin/bash
# The stand-in runner's run.sh: the exit codes of its program, read as the real one reads them.
if [ "$(id -u)" = 0 ] && [ -z "$RUNNER_ALLOW_RUNASROOT" ]; then
  echo 'Must not run interactively with sudo'
  exit 1
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
while :; do
  "$here/bin/Runner.Listener" run "$@"
  code=$?
  case $code in
    0) exit 0 ;;
    1) echo 'Runner listener exit with terminated error, stop the service, no retry needed.'; exit 0 ;;
    2) echo 'Runner listener exit with retryable error, re-launch runner in 5 seconds.' ;;
    5) echo 'Runner listener exit with Session Conflict error, stop the service, no retry needed.'; exit 0 ;;
    7)
      echo 'Runner version is deprecated'
      [ -z "$ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE" ] || exit 7
      exit 0
      ;;
    *) echo "Exiting with unknown error code: $code"; exit 0 ;;
  esac
  sleep 5
done

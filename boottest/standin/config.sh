#!/bin/bash
# The stand-in runner's config.sh: what it checks before it calls the program, as the real one does.
if [ "$(id -u)" = 0 ] && [ -z "$RUNNER_ALLOW_RUNASROOT" ]; then
  echo 'Must not run with sudo'
  exit 1
fi
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
if [ -e .runner ]; then
  echo "Cannot configure the runner because it is already configured. To reconfigure the runner, run 'config.cmd remove' or './config.sh remove' first."
  exit 1
fi
./bin/Runner.Listener configure "$@" || exit
printf 'LANG=%s\n' "$LANG" >.env
printf '%s\n' "$PATH" >.path
cp bin/svc.sh svc.sh

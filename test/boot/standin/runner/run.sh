#!/bin/bash
# The stand-in runner's run.sh: it starts its helper anew as long as that asks for it (2), and hides all other codes
# but the one for a version that GitHub refuses.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

after() {
  if [ "$1" = 2 ]; then
    echo 'Restarting runner...'
    return
  fi
  echo 'Exiting runner...'
  if [ "$1" = 7 ] && [ "$ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE" = 1 ]; then exit 7; fi
  exit "$2"
}

if [ -z "$RUNNER_MANUALLY_TRAP_SIG" ]; then
  while :; do
    cp -f "$here/run-helper.sh.template" "$here/run-helper.sh"
    "$here/run-helper.sh" "$@"
    after $? 0
  done
fi

set -m
trap 'kill -INT -$helper' INT TERM
while :; do
  cp -f "$here/run-helper.sh.template" "$here/run-helper.sh"
  "$here/run-helper.sh" "$@" &
  helper=$!
  wait $helper
  code=$?
  [ $code = 2 ] || trap - INT TERM
  [ $code = 2 ] || wait $helper
  after $code $code
done

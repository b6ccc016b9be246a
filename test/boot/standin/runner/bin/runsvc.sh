#!/bin/bash
# The stand-in runner's runsvc.sh, what its unit runs: the runner's own node, told by SIGINT to stop.

trap 'kill -INT $host' TERM INT
if [ -f .path ]; then
  PATH=$(<.path)
  export PATH
  echo ".path=$PATH"
fi
./externals/node20/bin/node ./bin/RunnerService.js &
host=$!
wait $host
trap - TERM INT
wait $host

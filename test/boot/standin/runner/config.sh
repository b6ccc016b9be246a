#!/bin/bash
# The stand-in runner's config.sh: the checks of the machine that the real one makes before it calls its program.

if [ "$(id -u)" = 0 ] && [ -z "$RUNNER_ALLOW_RUNASROOT" ]; then
  echo 'Must not run with sudo'
  exit 1
fi

missing() {
  echo "$1"
  echo 'Execute sudo ./bin/installdependencies.sh to install any missing Dotnet Core 6.0 dependencies.'
  exit 1
}

command -v ldd >/dev/null || { echo "Can not find 'ldd'. Please install 'ldd' and try again."; exit 1; }
# As in the real one these paths are relative to where it is called from.
for library in libcoreclr libSystem.Security.Cryptography.Native.OpenSsl libSystem.IO.Compression.Native; do
  ! ldd "./bin/$library.so" | grep 'not found' || missing 'Dependencies is missing for Dotnet Core 6.0'
done
ldconfig=ldconfig
if ! [ -x "$(command -v ldconfig)" ]; then
  ldconfig=/sbin/ldconfig
  [ -x $ldconfig ] || { echo "Can not find 'ldconfig' in PATH and '/sbin/ldconfig' doesn't exists either."; exit 1; }
fi
path=${LD_LIBRARY_PATH:-}
# shellcheck disable=SC2086 # several folders
$ldconfig -NXv ${path//:/ } 2>&1 | grep libicu >/dev/null || missing "Libicu's dependencies is missing for Dotnet Core 6.0"

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" || exit
# shellcheck disable=SC1091
. ./env.sh
if [ "${1,,}" = remove ]; then
  ./bin/Runner.Listener "$@"
else
  ./bin/Runner.Listener configure "$@"
fi

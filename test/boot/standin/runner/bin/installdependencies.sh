#!/bin/bash
# The stand-in runner's bin/installdependencies.sh: the families that the real one knows, what it installs there, and
# that it neither waits for a lock nor tries again. Amazon Linux has none of the files that it looks for.

[ "$(id -u)" = 0 ] || { echo 'Need to run with sudo privilege'; exit 1; }

refuse() {
  echo "$1"
  echo "Can't install dotnet core dependencies."
  exit 1
}

# first PACKAGE...: the first of them that can be had.
first() {
  local each
  for each; do
    ! apt-get install -y "$each" || return 0
  done
  return 1
}

[ -e /etc/os-release ] || refuse 'Unknown OS version'
cat /etc/os-release
if [ -e /etc/debian_version ]; then
  echo 'The current OS is Debian based'
  command -v apt-get || refuse "Found neither 'apt-get' nor 'apt'"
  if ! apt-get update || ! apt-get install -y libkrb5-3 zlib1g; then refuse "'apt-get' failed"; fi
  first liblttng-ust1t64 liblttng-ust1 liblttng-ust0 || refuse "'apt-get' failed"
  # A name that ends with $ is a pattern: without it any name that holds libssl3 would do.
  first libssl3t64$ libssl3$ libssl1.1$ || refuse "'apt-get' failed"
  first libicu{80..65} libicu63 libicu60 libicu57 || refuse "'apt-get' failed"
elif [ -e /etc/redhat-release ]; then
  echo 'The current OS is Fedora based'
  manager=yum
  [ ! -e /etc/fedora-release ] || manager=dnf
  command -v $manager || refuse "Can not find '$manager'"
  $manager install -y lttng-ust openssl-libs krb5-libs zlib libicu || refuse "'$manager' failed"
elif grep ID_LIKE /etc/os-release | cut -f 2 -d = | grep suse; then
  command -v zypper || refuse "Can not find 'zypper'"
  zypper -n install lttng-ust libopenssl1_1 krb5 zlib libicu60_2 || refuse "'zypper' failed"
else
  refuse "Can't detect current OS type based on /etc/os-release."
fi
# A trace for the tests.
touch /usr/share/runner-dependencies
echo ' Finish Install Dependencies'

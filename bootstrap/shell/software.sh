# The runner's software: found whole on the machine, or streamed: downloaded, checked and unpacked at
# once, with nothing on the disk twice.

# egr_version DIR: the version of the runner there; nothing unless it is whole.
egr_version() {
  [ -f "$1/run.sh" ] && [ -f "$1/config.sh" ] && [ -d "$1/externals" ] && [ -x "$1/bin/Runner.Worker" ] &&
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 "$1/bin/Runner.Listener" --version 2>/dev/null
}

# egr_refused VERSION: github.com would surely refuse it.
# https://docs.github.com/en/actions/reference/runners/self-hosted-runners
egr_refused() {
  [[ $egr_url == https://github.com/* && -n $egr_minimum_version ]] &&
    [ "$(printf '%s\n' "$1" "$egr_minimum_version" | sort -V | head -n 1)" != "$egr_minimum_version" ]
}

# egr_choose: url, sum and version for this machine's architecture, into EGR_URL and so on.
egr_choose() {
  local machine arch each
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) egr_fail "there is no runner for the architecture $machine" ;;
  esac
  while read -r each EGR_SUM EGR_VERSION EGR_URL; do
    [ "$each" != "$arch" ] || return 0
  done <<<"$egr_software"
  # Nobody said which: GitHub knows the newest; its API answers 60 times an hour and address, its
  # web pages without end.
  EGR_SUM=- EGR_VERSION=$(curl -fsSL --retry 5 https://api.github.com/repos/actions/runner/releases/latest |
    sed -n 's/.*"tag_name" *: *"v\{0,1\}\([^"]*\)".*/\1/p' | head -n 1)
  [ -n "$EGR_VERSION" ] || EGR_VERSION=$(curl -fsS --retry 5 -o /dev/null -w '%{redirect_url}' https://github.com/actions/runner/releases/latest | sed 's/.*\/v//')
  [ -n "$EGR_VERSION" ] || return
  EGR_URL=https://github.com/actions/runner/releases/download/v$EGR_VERSION/actions-runner-linux-$arch-$EGR_VERSION.tar.gz
}

# egr_stream URL: its bytes, going on where a dropped connection ended.
egr_stream() {
  local at=0 try=0 said code got
  exec 3>&1
  while :; do
    set --  "$1"
    [ $at = 0 ] || set -- "$1" -r "$at-"
    said=$(printf '%s\n' "${egr_download_token:+header = \"Authorization: Bearer $egr_download_token\"}" |
      curl -K - -fsSL --connect-timeout 10 --speed-limit 1000 --speed-time 20 -o /dev/fd/3 -w '%{http_code} %{size_download}' "$@")
    case $? in
      0) [ $# = 1 ] || [ "${said%% *}" = 206 ]; return ;;
      23) return 1 ;; # the reader is gone
    esac
    read -r code got <<<"$said"
    at=$((at + ${got%.*}))
    case $code in 408 | 429) ;; 4??) echo "GET $1: HTTP $code" >/run/ec2-github-runner/why && return 1 ;; esac
    # No network is not the end of it: how long a start may take, the watchdog knows.
    sleep $((try++ < 10 ? 1 : 5))
  done
}

# egr_unpack DIR: the software, into DIR, if it is what it should be.
egr_unpack() {
  local part=$1/.ec2-github-runner.part sum=/run/ec2-github-runner/sum each
  rm -rf "$part" "$sum" /run/ec2-github-runner/why
  mkdir -p "$part" && mkfifo "$sum" || return
  sha256sum <"$sum" >"$sum.is" &
  if ! (set -o pipefail; egr_stream "$EGR_URL" | tee "$sum" | tar -xz --no-same-owner -C "$part" 2>/run/ec2-github-runner/tar); then
    [ -s /run/ec2-github-runner/why ] || grep -m 1 . /run/ec2-github-runner/tar >/run/ec2-github-runner/why
    rm -rf "$part"
    return 1
  fi
  wait $!
  read -r each _ <"$sum.is"
  if [ "$EGR_SUM" != - ] && [ "$EGR_SUM" != "$each" ]; then
    echo "the download's SHA-256 is $each and should be $EGR_SUM" >/run/ec2-github-runner/why
    rm -rf "$part"
    return 1
  fi
  for each in "$part"/* "$part"/.[!.]*; do
    [ -e "$each" ] || continue
    rm -rf "${1:?}/${each##*/}"
    mv "$each" "$1/"
  done
  rm -rf "$part"
}

# egr_download DIR
egr_download() {
  egr_choose || { echo 'ask GitHub for the newest runner: no answer' >/run/ec2-github-runner/why; return 1; }
  egr_say "downloading runner $EGR_VERSION"
  egr_unpack "$1" || { [ ! -s /run/ec2-github-runner/why ] && return 1; egr_say "download again: $(cat /run/ec2-github-runner/why)" && egr_unpack "$1"; } || return
  egr_say "downloaded runner $EGR_VERSION"
}

# egr_provide DIR: a runner that GitHub takes, in DIR or beside it; where it is goes into EGR_HOME.
egr_provide() {
  local have
  EGR_HOME=$1
  have=$(egr_version "$1")
  if [ -n "$have" ] && ! egr_refused "$have"; then
    egr_say "found runner $have in $1"
  elif [ -n "$have" ] && [ -n "$egr_home_dir" ]; then
    egr_say "warning: GitHub refuses runner $have in $1: bake the image again"
    if egr_choose && EGR_HOME=${1%/}-$EGR_VERSION && egr_download "$EGR_HOME"; then
      cp -p "$1/.env" "$1/.path" "$EGR_HOME/" 2>/dev/null
    else
      EGR_HOME=$1
      egr_say "warning: no newer runner to be had, so the old one starts"
    fi
  else
    egr_download "$1" || return
  fi
  echo "$EGR_HOME" >/run/ec2-github-runner/home
}

# The runner's software: found whole on the machine, or streamed: downloaded, checked and unpacked at
# once, with nothing on the disk twice.

# egr_dir: where it belongs, into EGR_DIR.
egr_dir() {
  EGR_DIR=${egr_home_dir:-/actions-runner}
  # The mark says that the image is one of ours: nobody else's runner there is touched.
  [ -n "$egr_home_dir" ] || [ ! -e /opt/actions-runner/.ec2-github-runner ] || EGR_DIR=/opt/actions-runner
  [ "${EGR_DIR:0:1}" = / ] || EGR_DIR=/$EGR_DIR
}

# egr_version DIR: the version of the runner there; nothing unless it is whole.
egr_version() {
  [ -f "$1/run.sh" ] && [ -f "$1/config.sh" ] && [ -d "$1/externals" ] && [ -x "$1/bin/Runner.Worker" ] &&
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 "$1/bin/Runner.Listener" --version 2>/dev/null
}

# egr_refused VERSION: github.com would surely refuse it.
egr_refused() {
  [[ $egr_url == https://github.com/* ]] &&
    [ "$(printf '%s\n' "$1" "$egr_minimum_version" | sort -V | head -n 1)" != "$egr_minimum_version" ]
}

# egr_choose: the download for this machine's architecture, into EGR_URL, EGR_SUM and EGR_VERSION.
egr_choose() {
  local machine arch each
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) egr_fail "there is no runner for the architecture $machine" ;;
  esac
  while read -r each EGR_SUM EGR_VERSION EGR_URL; do
    [ "$each" != $arch ] || return 0
  done <<<"$egr_software"
  egr_newest $arch
}

# egr_stream URL: its bytes, going on where a dropped connection ended.
egr_stream() {
  local at=0 try=0 said code got
  exec 3>&1
  while [ $((try++)) -lt 300 ]; do
    set -- "$1"
    [ $at = 0 ] || set -- "$1" -r $at-
    said=$(printf '%s\n' "${egr_download_token:+header = \"Authorization: Bearer $egr_download_token\"}" |
      curl -K - -fsSL --connect-timeout 10 --speed-limit 1000 --speed-time 20 -o /dev/fd/3 -w '%{http_code} %{size_download}' "$@")
    case $? in
      # A server that answers with the whole when asked for the rest has spoilt the stream.
      0) [ $# = 1 ] || [ "${said%% *}" = 206 ] && return; return 1 ;;
      23) return 1 ;; # the reader is gone
    esac
    read -r code got <<<"$said"
    at=$((at + ${got%.*}))
    case $code in
      408 | 429) ;;
      4??) echo "GET $1: HTTP $code" >/run/ec2-github-runner/why && return 1 ;;
    esac
    # No network is not the end of it: how long a start may take, the watchdog knows.
    sleep 1
  done
}

# egr_unpack DIR: the software, into DIR, if it is what it should be.
egr_unpack() {
  local part=$1/.ec2-github-runner.part sum=/run/ec2-github-runner/sum each
  rm -rf "$part" $sum /run/ec2-github-runner/why
  mkdir -p "$part" && mkfifo $sum || return
  sha256sum <$sum >$sum.is &
  if ! (set -o pipefail; egr_stream "$EGR_URL" | tee $sum | tar -xz --no-same-owner -C "$part" 2>/run/ec2-github-runner/tar); then
    [ -s /run/ec2-github-runner/why ] || grep -m 1 . /run/ec2-github-runner/tar >/run/ec2-github-runner/why
    rm -rf "$part"
    return 1
  fi
  wait $!
  read -r each _ <$sum.is
  if [ "$EGR_SUM" != - ] && [ "$EGR_SUM" != "$each" ]; then
    echo "its SHA-256 is $each and should be $EGR_SUM" >/run/ec2-github-runner/why
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
  egr_choose || return
  egr_say "downloading runner $EGR_VERSION"
  if ! egr_unpack "$1"; then
    # What the server refused, it refuses again.
    grep -q HTTP /run/ec2-github-runner/why && return 1
    egr_say "downloading runner $EGR_VERSION again: $(cat /run/ec2-github-runner/why)"
    egr_unpack "$1" || return
  fi
  egr_say "downloaded runner $EGR_VERSION"
}

# egr_provide DIR: a runner that GitHub takes, in DIR or beside it; where it is, the file home tells.
egr_provide() {
  local have
  EGR_HOME=$1
  have=$(egr_version "$1")
  if [ -n "$have" ] && ! egr_refused "$have"; then
    egr_say "found runner $have in $1"
  elif [ -n "$have" ] && [ "$1" != /actions-runner ]; then
    egr_beside "$have" || egr_say 'warning: no newer runner is to be had, so the old one starts'
  else
    egr_download "$1" || return
  fi
  echo "$EGR_HOME" >/run/ec2-github-runner/home
}

# egr_beside VERSION: the current runner beside the one in EGR_HOME, which GitHub refuses.
egr_beside() {
  local new
  egr_say "warning: GitHub refuses runner $1 in $EGR_HOME: bake the image again"
  egr_choose && new=${EGR_HOME%/}-$EGR_VERSION && egr_download "$new" || return
  cp -p "$EGR_HOME"/.{env,path,runner,credentials,credentials_rsaparams} "$new/" 2>/dev/null
  EGR_HOME=$new
}

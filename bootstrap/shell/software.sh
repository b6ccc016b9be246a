# The runner's software: found whole on the machine, or streamed: downloaded, checked and unpacked at
# once, with nothing on the disk twice.

# egr_choose_dir: the runner's folder, into EGR_DIR.
egr_choose_dir() {
  EGR_DIR=${egr_home_dir:-/actions-runner}
  # The mark says that the image is one of ours: nobody else's runner there is touched.
  [ -n "$egr_home_dir" ] || [ ! -e /opt/actions-runner/.ec2-github-runner ] || EGR_DIR=/opt/actions-runner
  EGR_DIR=/${EGR_DIR#/}
}

# egr_print_version DIR: the version of the runner there; nothing unless it is whole. Changes the directory.
egr_print_version() {
  cd "$1" && ls run.sh config.sh externals bin/Runner.Worker >&2 && DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 bin/Runner.Listener --version
} 2>/dev/null

# egr_choose_download: the download for this machine's architecture, into EGR_URL, EGR_SUM and EGR_VERSION.
egr_choose_download() {
  local arch each
  arch=$(uname -m)
  case $arch in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) egr_fail "there is no runner for the architecture $arch" ;;
  esac
  while read -r each EGR_SUM EGR_VERSION EGR_URL; do
    [ "$each" != "$arch" ] || return 0
  done < <(egr_print_part software 2>/dev/null)
  egr_find_newest "$arch"
}

# egr_unpack DIR: the software, into DIR, if it is what it should be.
egr_unpack() {
  local part=$1/.ec2-github-runner.part sum=/run/ec2-github-runner/sum why=/run/ec2-github-runner/why each
  rm -rf "$part" $sum $why
  mkdir -p "$part"
  mkfifo $sum
  sha256sum <$sum >$sum.is &
  if (set -o pipefail; egr_stream | tee $sum | tar -xz --no-same-owner -C "$part" 2>$sum.tar); then
    wait $!
    read -r each _ <$sum.is
    [ "$EGR_SUM" = - ] || [ "$EGR_SUM" = "$each" ] || echo "its SHA-256 is $each and should be $EGR_SUM" >$why
  else
    [ -s $why ] || { grep 'No space' $sum.tar || grep -h . /run/ec2-github-runner/curl $sum.tar || echo the download was cut; } >$why
  fi
  if [ ! -e $why ]; then
    # What was not whole is replaced.
    rm -rf "${1:?}"/{bin,externals}
    mv -f "$part"/* "$1"
  fi
  rm -rf "$part"
  [ ! -e $why ]
}

# egr_download DIR
egr_download() {
  egr_choose_download || return
  egr_log "downloading runner $EGR_VERSION"
  until egr_unpack "$1"; do
    [ -z "$EGR_AGAIN" ] && ! grep HTTP /run/ec2-github-runner/why || return
    EGR_AGAIN=1
    egr_log "downloading runner $EGR_VERSION again: $(head -n 1 /run/ec2-github-runner/why)"
  done
  egr_log "downloaded runner $EGR_VERSION"
}

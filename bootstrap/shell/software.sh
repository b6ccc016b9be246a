# The runner's software: installed on the machine already, or downloaded, verified and unpacked in one stream, without
# storing the archive.

# egr_choose_dir: sets EGR_DIR to the runner's folder.
egr_choose_dir() {
  EGR_DIR=${egr_home_dir:-/actions-runner}
  # The mark shows that the image was made by mode bake: a runner that somebody else installed there is not touched.
  [ -n "$egr_home_dir" ] || [ ! -e /opt/actions-runner/.ec2-github-runner ] || EGR_DIR=/opt/actions-runner
  EGR_DIR=/${EGR_DIR#/}
}

# egr_print_version DIR: prints the version of the runner there, nothing if it is incomplete. Changes the directory.
egr_print_version() {
  cd "$1" && ls run.sh config.sh externals bin/Runner.Worker >&2 && DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 bin/Runner.Listener --version
} 2>/dev/null

# egr_choose_download: sets EGR_URL, EGR_SUM and EGR_VERSION to the download for this machine's architecture.
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

# egr_unpack DIR: downloads the software into DIR, if its checksum is right.
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
    # An incomplete installation is replaced.
    rm -rf "${1:?}"/{bin,externals}
    mv -f "$part"/* "$1"
  fi
  rm -rf "$part"
  [ ! -e $why ]
}

# egr_download DIR: downloads the software into DIR, with one retry.
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

# The packages of every image besides docker and the runner, installed by apt on Ubuntu and Debian and by dnf on Amazon
# Linux 2023.

egr_step_packages() {
  [ "$EGR_MACHINE" = any ] || [ "$EGR_MACHINE" = "$(uname -m)" ] ||
    egr_fail "the machine is $(uname -m) and the image is for $EGR_MACHINE: base-image-id and ec2-instance-type must be of one architecture"
  # Nothing else may install packages from here on. What is running already is waited for.
  systemctl stop apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service dnf-makecache.timer 2>/dev/null || :
  egr_trust_ca
  egr_update
  egr_install ca-certificates curl git jq sudo unzip zstd
  egr_trust_ca
}

# egr_update: updates the package lists. By default apt succeeds even if a list is missing.
egr_update() {
  ! command -v apt-get || egr_retry_times 60 apt-get -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any update
}

# egr_install NAME...: installs packages.
egr_install() {
  if command -v apt-get; then
    egr_retry_times 5 apt-get -qy -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold install --no-install-recommends -- "$@"
  else
    egr_dnf_install "$@"
  fi
}

# egr_dnf_install NAME...: installs packages that no installed package provides. Amazon Linux has a minimal curl, which
# conflicts with the full one. So --skip-broken is not needed, with which dnf also succeeds if a package does not exist.
egr_dnf_install() {
  local each list=()
  for each; do rpm -q --whatprovides -- "$each" || list+=("$each"); done
  [ ${#list[@]} = 0 ] || egr_retry_times 30 dnf -y install -- "${list[@]}"
}

# egr_find_ca: sets EGR_CA to the file for the user's certificates, and EGR_UPDATE_CA to the command that makes the
# system read it. The boot script uses another file name, since a start may have other certificates.
egr_find_ca() {
  EGR_CA=/usr/local/share/ca-certificates EGR_UPDATE_CA=update-ca-certificates
  [ ! -d /etc/pki/ca-trust/source/anchors ] || EGR_CA=/etc/pki/ca-trust/source/anchors EGR_UPDATE_CA=update-ca-trust
  EGR_CA+=/ec2-github-runner-image.crt
}

# egr_trust_ca: trusts the user's certificates, as soon as the command is installed.
egr_trust_ca() {
  egr_find_ca
  [ -n "$part_certificates" ] && command -v $EGR_UPDATE_CA || return 0
  egr_print_part certificates >$EGR_CA
  $EGR_UPDATE_CA
}

# egr_fetch_key NAME URL: downloads a vendor's key, for its packages only.
egr_fetch_key() {
  install -d -m 755 /etc/apt/keyrings
  egr_retry_times 60 curl -fsSL --connect-timeout 20 -Y 1000 -y 20 -o "/etc/apt/keyrings/$1.asc" "$2"
  chmod 644 "/etc/apt/keyrings/$1.asc"
}

# Docker's engine with buildx and compose. On Ubuntu and Debian it comes from Docker's own repository
# (https://docs.docker.com/engine/install/ubuntu/). Docker publishes none for Amazon Linux, so there it is
# Amazon's, and compose, which that lacks, is the plugin from Docker's releases, by its checksum.

egr_step_docker() {
  local ID VERSION_ID VERSION_CODENAME UBUNTU_CODENAME PRETTY_NAME old
  . /etc/os-release
  case $ID in
    ubuntu | debian)
      # What distributions ship under other names would be in its way.
      mapfile -t old < <(dpkg-query -W -f '${Package}\n' docker.io docker-compose docker-compose-v2 docker-doc podman-docker containerd runc 2>/dev/null || :)
      [ ${#old[@]} = 0 ] || apt-get -qy -o DPkg::Lock::Timeout=900 remove "${old[@]}"
      egr_key docker "https://download.docker.com/linux/$ID/gpg"
      printf '%s\n' 'Types: deb' "URIs: https://download.docker.com/linux/$ID" "Suites: ${UBUNTU_CODENAME:-$VERSION_CODENAME}" 'Components: stable' \
        "Architectures: $(dpkg --print-architecture)" 'Signed-By: /etc/apt/keyrings/docker.asc' >/etc/apt/sources.list.d/docker.sources
      egr_update
      egr_install docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin
      ;;
    amzn)
      [ "$VERSION_ID" != 2 ] || egr_fail 'there is no recipe for Amazon Linux 2: use Amazon Linux 2023, Ubuntu or Debian as base-image-id'
      egr_install docker
      docker compose version || egr_compose
      ;;
    *) egr_fail "there is no recipe for $PRETTY_NAME: use Ubuntu, Debian or Amazon Linux 2023 as base-image-id" ;;
  esac
  systemctl enable docker.service containerd.service docker.socket
  systemctl start docker.service
}

egr_compose() {
  local at=https://github.com/docker/compose/releases/latest/download file each
  file=docker-compose-linux-$(uname -m)
  cd /run/ec2-github-runner || return
  for each in "$file" "$file.sha256"; do
    egr_patiently 60 curl -fsSL --connect-timeout 20 -o "$each" "$at/$each"
  done
  sha256sum -c "$file.sha256" || egr_fail "docker compose: $file is not what $file.sha256 says"
  install -D -m 755 "$file" /usr/local/lib/docker/cli-plugins/docker-compose
}

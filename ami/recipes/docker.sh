# Docker's engine with buildx and compose. On Ubuntu and Debian it comes from Docker's own repository
# (https://docs.docker.com/engine/install/ubuntu/). Docker has none for Amazon Linux, whose docker lacks compose and has
# a buildx that is too old for it; there the plugins come from Docker's releases, verified by checksum.

egr_step_docker() {
  local ID VERSION_ID VERSION_CODENAME UBUNTU_CODENAME PRETTY_NAME old
  . /etc/os-release
  case $ID in
    ubuntu | debian)
      # The distributions' packages of other names conflict with it.
      mapfile -t old < <(dpkg-query -W -f '${Package}\n' docker.io docker-compose docker-compose-v2 docker-doc podman-docker containerd runc 2>/dev/null || :)
      [ ${#old[@]} = 0 ] || apt-get -qy -o DPkg::Lock::Timeout=900 remove "${old[@]}"
      egr_fetch_key docker "https://download.docker.com/linux/$ID/gpg"
      printf '%s\n' 'Types: deb' "URIs: https://download.docker.com/linux/$ID" "Suites: ${UBUNTU_CODENAME:-$VERSION_CODENAME}" 'Components: stable' \
        "Architectures: $(dpkg --print-architecture)" 'Signed-By: /etc/apt/keyrings/docker.asc' >/etc/apt/sources.list.d/docker.sources
      egr_update
      egr_install docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin
      ;;
    amzn)
      [ "$VERSION_ID" != 2 ] || egr_fail 'there is no recipe for Amazon Linux 2: use Amazon Linux 2023, Ubuntu or Debian as base-image-id'
      egr_install docker
      egr_install_plugins
      ;;
    *) egr_fail "there is no recipe for $PRETTY_NAME: use Ubuntu, Debian or Amazon Linux 2023 as base-image-id" ;;
  esac
  systemctl enable docker.service containerd.service docker.socket
  systemctl start docker.service
}

egr_install_plugins() {
  docker compose version || egr_install_compose
  egr_buildx_is_recent || egr_install_buildx
}

# egr_buildx_is_recent: reports whether buildx is recent enough: compose needs 0.17, and Amazon Linux 2023 has 0.12.
# https://github.com/amazonlinux/amazon-linux-2023/issues/1032
egr_buildx_is_recent() {
  local have
  have=$(docker buildx version | grep -o '[0-9]\+\.[0-9]\+' | head -n 1)
  [ "$(printf '%s\n' 0.17 "$have" | sort -V | head -n 1)" = 0.17 ]
}

egr_install_compose() {
  local file
  file=docker-compose-linux-$(uname -m)
  egr_install_plugin compose https://github.com/docker/compose/releases/latest/download "$file" "$file.sha256"
}

# egr_install_buildx: installs buildx. Its file names contain the version, to which the latest release redirects.
egr_install_buildx() {
  local at=https://github.com/docker/buildx/releases version architecture=amd64
  [ "$(uname -m)" != aarch64 ] || architecture=arm64
  version=$(egr_retry_times 60 curl -fsSL --connect-timeout 20 -Y 1000 -y 20 -o /dev/null -w '%{url_effective}' $at/latest)
  version=${version##*/}
  egr_install_plugin buildx "$at/download/$version" "buildx-$version.linux-$architecture" checksums.txt
}

# egr_install_plugin NAME ADDRESS FILE SUMS: installs a docker plugin. Those in /usr/local take precedence over the system's.
egr_install_plugin() {
  local each
  cd /run/ec2-github-runner || return
  for each in "$3" "$4"; do
    egr_retry_times 60 curl -fsSL --connect-timeout 20 -Y 1000 -y 20 -o "$each" "$2/$each"
  done
  grep "^[0-9a-f]\{64\} [ *]$3\$" "$4" >sums || egr_fail "docker $1: $4 does not name $3"
  sha256sum -c sums || egr_fail "docker $1: $3 is not what $4 says"
  install -D -m 755 "$3" "/usr/local/lib/docker/cli-plugins/docker-$1"
}

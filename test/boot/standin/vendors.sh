#!/bin/bash
# vendors.sh TO: the repositories that machines install from, as Debian and the vendors lay them out, signed, with
# packages of the same names. Docker's hold a real docker, Debian's, all others a stand-in. Runs in an
# image that has docker.io, gnupg, apt-utils, rpm and createrepo-c.
set -euo pipefail
to=$1
work=$(mktemp -d)
architecture=$(dpkg --print-architecture)

# pack REPOSITORY NAME FOLDER [POSTINST]: a package of what is in the folder.
pack() {
  mkdir -p "$3/DEBIAN" "$1"
  printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: stand-in\n' "$2" >"$3/DEBIAN/control"
  if [ -n "${4-}" ]; then
    printf '#!/bin/bash\nset -e\n%s\n' "$4" >"$3/DEBIAN/postinst"
    chmod 755 "$3/DEBIAN/postinst"
  fi
  # What they hold is read once: compressing it costs more than it saves.
  dpkg-deb --root-owner-group -Znone -b "$3" "$1/$2.deb" >/dev/null
}

# program FOLDER PATH: a script, from standard input.
program() {
  mkdir -p "$1/$(dirname "$2")"
  cat >"$1/$2"
  chmod 755 "$1/$2"
}

# plugin FOLDER NAME: one of docker's, from standard input.
plugin() { program "$1" "usr/libexec/docker/cli-plugins/docker-$2"; }

# buildx builds as the real one does, by the daemon's older builder.
buildx_plugin() {
  plugin "$work/buildx" buildx <<'SH'
#!/bin/bash
case "$1 ${2-}" in
  'docker-cli-plugin-metadata ') echo '{"SchemaVersion":"0.1.0","Vendor":"stand-in","Version":"v0.17.1"}' ;;
  'buildx version') echo 'github.com/docker/buildx v0.17.1 257815a6fbaee88976808020bf04274388275ae8' ;;
  'buildx build')
    # It keeps its state in the user's home.
    mkdir -p "$HOME/.docker/buildx" || exit
    args=()
    for each in "${@:3}"; do [ "$each" = --load ] || args+=("$each"); done
    DOCKER_BUILDKIT=0 exec docker build "${args[@]}"
    ;;
  *) exit 1 ;;
esac
SH
}

# compose does one file's one service. As the real one it builds by buildx, and refuses one before 0.17 when
# it is to build and not before. https://github.com/docker/compose/issues/13306
compose_plugin() {
  plugin "$work/compose" compose <<'SH'
#!/usr/bin/python3
import re, subprocess, sys, yaml
args = sys.argv[1:]
if args[0] == "docker-cli-plugin-metadata":
    print('{"SchemaVersion":"0.1.0","Vendor":"stand-in","Version":"v2.40.0"}')
elif args[1] == "version":
    print("Docker Compose version v2.40.0")
elif "down" in args:
    pass
elif "up" in args:
    (service,) = yaml.safe_load(open("compose.yaml"))["services"].values()
    if "--build" in args:
        have = re.search(r"v(\d+)\.(\d+)", subprocess.run(["docker", "buildx", "version"], capture_output=True, text=True).stdout)
        if not have or tuple(map(int, have.groups())) < (0, 17):
            sys.exit("compose build requires buildx 0.17 or later")
        subprocess.run(["docker", "buildx", "build", "--load", "-t", service["image"], service["build"]], check=True)
    sys.exit(subprocess.run(["docker", "run", "--rm", "--network", service["network_mode"], service["image"], *service["command"]]).returncode)
else:
    sys.exit(1)
SH
}

docker_packages() {
  local lib
  mkdir -p "$work"/{engine/usr/bin,engine/usr/lib/systemd/system,cli/usr/bin,containerd/usr/bin,containerd/usr/lib/systemd/system}
  cp /usr/sbin/dockerd "$work/engine/usr/bin/"
  # The one library that a machine without docker lacks.
  lib=$(ldd /usr/sbin/dockerd | grep -o '/[^ ]*libdevmapper[^ ]*')
  mkdir -p "$work/engine$(dirname "/usr${lib#/usr}")"
  cp -L "$lib" "$work/engine/usr${lib#/usr}"
  printf '%s\n' '[Unit]' 'After=network-online.target docker.socket containerd.service' 'Wants=network-online.target containerd.service' Requires=docker.socket \
    '[Service]' Type=notify 'ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock' KillMode=process Delegate=yes \
    '[Install]' WantedBy=multi-user.target >"$work/engine/usr/lib/systemd/system/docker.service"
  printf '%s\n' '[Unit]' PartOf=docker.service '[Socket]' ListenStream=/run/docker.sock SocketMode=0660 SocketUser=root SocketGroup=docker \
    '[Install]' WantedBy=sockets.target >"$work/engine/usr/lib/systemd/system/docker.socket"
  pack "$1" docker-ce "$work/engine" 'getent group docker >/dev/null || groupadd --system docker
systemctl daemon-reload; systemctl enable docker.service docker.socket'
  cp /usr/bin/docker "$work/cli/usr/bin/"
  pack "$1" docker-ce-cli "$work/cli"
  cp /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 "$work/containerd/usr/bin/"
  cp -L /usr/sbin/runc "$work/containerd/usr/bin/runc"
  printf '%s\n' '[Unit]' 'After=network.target local-fs.target' '[Service]' Type=notify ExecStart=/usr/bin/containerd KillMode=process Delegate=yes \
    '[Install]' WantedBy=multi-user.target >"$work/containerd/usr/lib/systemd/system/containerd.service"
  pack "$1" containerd.io "$work/containerd"
  buildx_plugin
  pack "$1" docker-buildx-plugin "$work/buildx"
  compose_plugin
  pack "$1" docker-compose-plugin "$work/compose"
}

# The toolkit: dockerd takes --gpus where this hook is, and calls it before a container starts.
toolkit_packages() {
  program "$work/toolkit" usr/bin/nvidia-container-runtime-hook <<'SH'
#!/bin/bash
bundle=$(sed 's/.*"bundle":"\([^"]*\)".*/\1/')
root=$(grep -o '"root":{"path":"[^"]*"' "$bundle/config.json" | cut -d '"' -f 6)
grep -q '"NVIDIA_VISIBLE_DEVICES=all"' "$bundle/config.json" || exit 0
[ -e /etc/no-gpu-in-containers ] || cp /usr/bin/nvidia-smi "$root/usr/bin/"
SH
  program "$work/toolkit" usr/bin/nvidia-ctk <<'SH'
#!/bin/bash
[ "$*" = 'runtime configure --runtime=docker' ] || exit 2
python3 - <<'PY'
import json, os
path = "/etc/docker/daemon.json"
config = json.load(open(path)) if os.path.exists(path) else {}
config["runtimes"] = {"nvidia": {"path": "nvidia-container-runtime", "args": []}}
os.makedirs("/etc/docker", exist_ok=True)
json.dump(config, open(path, "w"))
PY
SH
  pack "$1" nvidia-container-toolkit "$work/toolkit"
}

# What Ubuntu's and Debian's own repositories have, and two packages of the tests' own: egr-sample has one file,
# egr-slow takes its time until somebody begins to configure it for the second time.
base_packages() {
  local name
  mkdir -p "$work"/egr-{sample,slow}/usr/share/egr-{sample,slow}
  echo arrived >"$work/egr-sample/usr/share/egr-sample/file"
  pack "$1" egr-sample "$work/egr-sample"
  pack "$1" egr-slow "$work/egr-slow" '[ -e /slow-begun ] || { touch /slow-begun; sleep 600; }'
  program "$work/git" usr/bin/git <<<$'#!/bin/sh\n[ "$1" != --version ] || echo git version 2.47'
  pack "$1" git "$work/git"
  for name in jq unzip zstd liblttng-ust1 linux-aws linux-modules-nvidia-580-open-aws; do
    mkdir -p "$work/$name/usr/share/$name"
    pack "$1" "$name" "$work/$name"
  done
  # The driver works after a reboot, not before.
  mkdir -p "$work/driver/usr/bin"
  ln -s /boottest/machine "$work/driver/usr/bin/nvidia-smi"
  pack "$1" nvidia-driver-580-open "$work/driver" 'touch /run/nvidia-modules-not-loaded'
}

# rpm_package FOLDER NAME [LINE...]: a package with one file.
rpm_package() {
  printf '%s\n' "Name: $2" 'Version: 1.0' 'Release: 1' 'Summary: stand-in' 'License: none' 'BuildArch: noarch' "${@:3}" %description stand-in \
    %install "mkdir -p %{buildroot}/usr/share/$2" "echo arrived >%{buildroot}/usr/share/$2/file" %files "/usr/share/$2/file" >"$work/$2.spec"
  rpmbuild --quiet --define "_topdir $work/rpm" --define "_rpmdir $1" --define '_rpmfilename %{NAME}.rpm' -bb "$work/$2.spec"
}

# sign FOLDER [OPTION...]: makes the folder's Release of what is in it.
sign() {
  apt-ftparchive "${@:2}" release "$1" >"$work/Release"
  mv "$work/Release" "$1/Release"
  gpg --batch --yes --clearsign -o "$1/InRelease" "$1/Release"
}

# suite FOLDER SUITE COMPONENT: an archive of what is in the folder's pool, as Debian and Docker have it. It has no
# sources, and says so.
suite() {
  local dists=dists/$2
  cd "$1"
  mkdir -p "$dists/$3/binary-$architecture" "$dists/$3/source"
  apt-ftparchive packages pool >"$dists/$3/binary-$architecture/Packages"
  : >"$dists/$3/source/Sources"
  sign "$dists" -o "APT::FTPArchive::Release::Codename=$2" -o "APT::FTPArchive::Release::Suite=$2" -o "APT::FTPArchive::Release::Components=$3" \
    -o "APT::FTPArchive::Release::Architectures=$architecture"
  cd "$OLDPWD"
}

# flat FOLDER: an archive without suites, as NVIDIA has it.
flat() {
  cd "$1"
  apt-ftparchive packages . >Packages
  sign .
  cd "$OLDPWD"
}

export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-gen-key 'Stand-in <nobody@example.com>' rsa3072 sign never
gpg --armor --export >"$work/key"

debian=$to/deb.debian.org/debian
base_packages "$debian/pool"
# Where a stock image looks, before and after cloud-init has written its sources. noble is Ubuntu's, for recipes.
mkdir -p "$to/deb.debian.org/debian-security/pool"
for each in bullseye bookworm trixie noble; do
  for part in '' -updates -backports; do suite "$debian" "$each$part" main; done
  suite "$to/deb.debian.org/debian-security" "$each-security" main
done
mkdir -p "$to/security.debian.org"
cp -r "$to/deb.debian.org/debian-security" "$to/security.debian.org/"
# Amazon Linux's, with the library that the runner needs.
amazon=$to/cdn.amazonlinux.com/al2023
mkdir -p "$amazon"
for each in egr-sample libicu curl; do rpm_package "$amazon" "$each"; done
# Two packages that cannot both be there.
rpm_package "$amazon" curl-minimal 'Provides: curl = 1.0' 'Conflicts: curl'
createrepo_c --quiet "$amazon"
docker_packages "$to/download.docker.com/linux/debian/pool"
mkdir -p "$to/download.docker.com/linux/ubuntu/pool"
ln "$to"/download.docker.com/linux/debian/pool/*.deb "$to/download.docker.com/linux/ubuntu/pool/"
for each in debian:bookworm ubuntu:noble; do
  suite "$to/download.docker.com/linux/${each%:*}" "${each#*:}" stable
  cp "$work/key" "$to/download.docker.com/linux/${each%:*}/gpg"
done
toolkit_packages "$to/nvidia.github.io/libnvidia-container/stable/deb/$architecture"
flat "$to/nvidia.github.io/libnvidia-container/stable/deb/$architecture"
cp "$work/key" "$to/nvidia.github.io/libnvidia-container/gpgkey"
# Images trust Debian's key; these trust this one.
cp "$work/key" "$to/debian.asc"
chmod -R a+rX "$to"

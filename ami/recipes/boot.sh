# Makes the image boot fast: an early unit reads the user data before cloud-init does, services that a machine for one
# job does not need are disabled, and docker starts beside the runner rather than before it.

egr_step_boot() {
  egr_install_early_unit
  egr_order_docker_units
  egr_disable_units
}

# egr_write_dropin UNIT LINE...: writes a drop-in for a unit.
egr_write_dropin() {
  install -d "/etc/systemd/system/$1.d"
  printf '%s\n' "${@:2}" >"/etc/systemd/system/$1.d/zz-ec2-github-runner.conf"
}

# egr_install_early_unit: installs the early unit; the boot script creates the runner's unit. cloud-init's network stage
# is ordered before sysinit.target, so neither unit may wait for that target.
egr_install_early_unit() {
  local none='Conflicts=shutdown.target' trusts=()
  # JavaScript actions do not read the system's certificates: those of the image are passed to the runner and thereby to
  # every job. A start with ca-certificates adds its own.
  # https://github.com/actions/runner/blob/v2.336.0/docs/checks/sslcert.md
  [ ! -s "$EGR_CA" ] || trusts=('[Service]' "Environment=NODE_EXTRA_CA_CERTS=$EGR_CA")
  install -d /usr/local/lib/ec2-github-runner
  egr_print_part early >/usr/local/lib/ec2-github-runner/early
  printf '%s\n' '[Unit]' 'Description=Start the runner of the user data' 'Documentation=https://github.com/marqo-ai/ec2-github-runner' \
    DefaultDependencies=no 'After=local-fs.target network.target systemd-networkd.service NetworkManager.service networking.service' \
    Before=shutdown.target $none '[Service]' Type=oneshot KillMode=process TimeoutStartSec=60 \
    'ExecStart=/bin/bash /usr/local/lib/ec2-github-runner/early' '[Install]' WantedBy=multi-user.target \
    >/etc/systemd/system/ec2-github-runner-early.service
  egr_write_dropin ec2-github-runner.service '[Unit]' DefaultDependencies=no \
    'After=local-fs.target systemd-sysctl.service systemd-modules-load.service systemd-sysusers.service docker.socket' Before=shutdown.target $none "${trusts[@]}"
  systemctl daemon-reload
  systemctl enable ec2-github-runner-early.service
}

# egr_order_docker_units: starts docker's socket at once, so that its users wait until docker responds, and docker
# itself after the early unit, which ends when the runner has started. Docker is not ordered after the runner's unit:
# that may wait for cloud-init's last stage, which waits for docker on some systems, so they would wait for each other
# for ever.
egr_order_docker_units() {
  egr_write_dropin docker.socket '[Unit]' DefaultDependencies=no After=local-fs.target 'Before=sockets.target shutdown.target' Conflicts=shutdown.target
  egr_write_dropin docker.service '[Unit]' After=ec2-github-runner-early.service
  egr_write_dropin containerd.service '[Unit]' After=ec2-github-runner-early.service
}

egr_disable_units() {
  local online=/usr/lib/systemd/systemd-networkd-wait-online
  # A job that needs snap still gets it, through its socket.
  systemctl disable snapd.service 2>/dev/null || :
  systemctl mask snapd.seeded.service snapd.autoimport.service snapd.core-fixup.service snapd.recovery-chooser-trigger.service \
    apt-daily.timer apt-daily.service apt-daily-upgrade.timer apt-daily-upgrade.service unattended-upgrades.service \
    apt-news.service esm-cache.service ua-timer.timer ubuntu-advantage.service motd-news.timer man-db.timer \
    update-notifier-download.timer update-notifier-motd.timer fwupd-refresh.timer dnf-makecache.timer NetworkManager-wait-online.service
  # Some versions of cloud-init start this unit themselves and treat a mask as a failure. It no longer waits for every
  # link, and at most five seconds.
  [ ! -x $online ] || egr_write_dropin systemd-networkd-wait-online.service '[Service]' ExecStart= "ExecStart=$online --any --timeout=5"
  if [ -d /etc/apt/apt.conf.d ]; then
    printf '%s\n' 'APT::Periodic::Enable "0";' >/etc/apt/apt.conf.d/99-ec2-github-runner
  fi
  # A job may run while cloud-init is still running: the package sources must not be rewritten.
  install -d /etc/cloud/cloud.cfg.d
  echo 'apt: { preserve_sources_list: true }' >/etc/cloud/cloud.cfg.d/90-ec2-github-runner.cfg
}

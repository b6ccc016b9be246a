# What makes an image boot fast: a unit of our own reads the user data before cloud-init does, what a
# machine for one job does not need is off, and docker comes up beside the runner and not before it.

egr_step_boot() {
  egr_install_early_unit
  egr_order_docker_units
  egr_disable_units
}

# egr_write_dropin UNIT LINE...
egr_write_dropin() {
  install -d "/etc/systemd/system/$1.d"
  printf '%s\n' "${@:2}" >"/etc/systemd/system/$1.d/zz-ec2-github-runner.conf"
}

# egr_install_early_unit: the runner's unit itself is made by the boot script. cloud-init's network stage stands
# before sysinit.target, so none of the two may wait for that.
egr_install_early_unit() {
  local none='Conflicts=shutdown.target' trusts=()
  # JavaScript actions read the system's authorities no more than any other node: what the image brings goes to the
  # runner and with it to every job. A start with ca-certificates of its own adds them.
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

# egr_order_docker_units: the socket is there at once, and whoever uses it waits until docker answers. Docker
# itself starts after the early unit, which ends when the runner's has started. It cannot be ordered after
# the runner's unit itself: where that waits for cloud-init's last stage, which on some systems waits for
# docker, each would wait for the other for ever.
egr_order_docker_units() {
  egr_write_dropin docker.socket '[Unit]' DefaultDependencies=no After=local-fs.target 'Before=sockets.target shutdown.target' Conflicts=shutdown.target
  egr_write_dropin docker.service '[Unit]' After=ec2-github-runner-early.service
  egr_write_dropin containerd.service '[Unit]' After=ec2-github-runner-early.service
}

egr_disable_units() {
  local online=/usr/lib/systemd/systemd-networkd-wait-online
  # A job that wants snap still gets it, by its socket.
  systemctl disable snapd.service 2>/dev/null || :
  systemctl mask snapd.seeded.service snapd.autoimport.service snapd.core-fixup.service snapd.recovery-chooser-trigger.service \
    apt-daily.timer apt-daily.service apt-daily-upgrade.timer apt-daily-upgrade.service unattended-upgrades.service \
    apt-news.service esm-cache.service ua-timer.timer ubuntu-advantage.service motd-news.timer man-db.timer \
    update-notifier-download.timer update-notifier-motd.timer fwupd-refresh.timer dnf-makecache.timer NetworkManager-wait-online.service
  # Some cloud-inits start this one by hand and take a mask for a failure. It waits no more for every
  # link, and never long.
  [ ! -x $online ] || egr_write_dropin systemd-networkd-wait-online.service '[Service]' ExecStart= "ExecStart=$online --any --timeout=5"
  if [ -d /etc/apt/apt.conf.d ]; then
    printf '%s\n' 'APT::Periodic::Enable "0";' >/etc/apt/apt.conf.d/99-ec2-github-runner
  fi
  # A job may run while cloud-init is still at work: it must not find the sources of its packages rewritten.
  install -d /etc/cloud/cloud.cfg.d
  echo 'apt: { preserve_sources_list: true }' >/etc/cloud/cloud.cfg.d/90-ec2-github-runner.cfg
}

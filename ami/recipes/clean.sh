# Removes what an image must not contain: the machine's identity, its secrets and its history.

egr_step_clean() {
  local home
  command -v apt-get && { apt-get clean; rm -rf /var/lib/apt/lists/*; }
  command -v dnf && dnf clean all
  # Registrations of a runner, which only setup-script can have made.
  rm -rf /opt/actions-runner/{.runner,.runner_migrated,.credentials,.credentials_migrated,.credentials_rsaparams,.service,.env,.path,_diag,_work}
  for home in /root /home/*; do
    rm -rf "$home"/.{bash,zsh,python,psql,mysql,sqlite,node_repl,lesshs}*hist* "$home"/.lesshst "$home"/.viminfo "$home"/.wget-hsts \
      "$home"/.docker/config.json "$home"/.git-credentials "$home"/.netrc "$home"/.config/gh/hosts.yml "$home"/.aws/{credentials,sso,cli/cache} \
      "$home"/.sudo_as_admin_successful
  done
  rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /etc/udev/rules.d/70-persistent-net.rules
  rm -rf /var/lib/amazon/ssm/Vault /var/lib/dhcp/* /var/lib/NetworkManager/* /var/crash/*
  # Empty rather than missing: systemd takes a missing one as the very first boot and resets which units are enabled.
  # https://www.freedesktop.org/software/systemd/man/machine-id.html
  : >/etc/machine-id
  [ -L /var/lib/dbus/machine-id ] || { rm -f /var/lib/dbus/machine-id && ln -s /etc/machine-id /var/lib/dbus/machine-id; } || :
  egr_clean_logs
  rm -rf /tmp/* /tmp/.[!.]* /var/tmp/* /run/ec2-github-runner/{secrets,setup-script.sh} /var/lib/cloud/instances/*/ec2-github-runner
  # This contains the builder's user data.
  cloud-init clean --logs
  rm -rf /var/lib/cloud/{instance,instances,data,sem}
  sync
}

egr_clean_logs() {
  systemctl stop syslog.socket rsyslog.service 2>/dev/null || :
  journalctl --relinquish-var || journalctl --rotate || :
  rm -rf /var/log/journal/*
  find /var/log -type f -delete
}

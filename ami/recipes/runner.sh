# The runner's software, at the path that the boot script expects, and a user that jobs can run as.

# egr_step_user: creates the user. As on GitHub's own machines, jobs may use docker and sudo.
egr_step_user() {
  id runner 2>/dev/null || useradd --create-home --shell /bin/bash runner
  usermod -aG docker runner
  echo 'runner ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-ec2-github-runner
  chmod 440 /etc/sudoers.d/90-ec2-github-runner
  # The builder's keys must not be in the image. Those that setup-script adds come later and stay.
  rm -f /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
}

egr_step_runner() {
  local egr_download_token have
  . /run/ec2-github-runner/secrets
  egr_decode egr_download_token
  rm -rf /opt/actions-runner*
  mkdir -p /opt/actions-runner
  egr_download /opt/actions-runner || egr_fail "download runner: $(head -n 1 /run/ec2-github-runner/why)"
  rm -f /run/ec2-github-runner/secrets
  if command -v dnf; then
    # The runner's own script does not support Amazon Linux.
    egr_install libicu krb5-libs openssl-libs zlib lttng-ust
  elif [ -x /opt/actions-runner/bin/installdependencies.sh ]; then
    egr_retry_times 5 /opt/actions-runner/bin/installdependencies.sh
  fi
  have=$(egr_print_version /opt/actions-runner) || egr_fail 'what was downloaded is no runner that starts on this machine'
  # By this mark the boot script recognises the runner.
  echo "$have" >/opt/actions-runner/.ec2-github-runner
  chown -R runner: /opt/actions-runner
}

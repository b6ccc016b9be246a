# From the download to a runner that can be started.

# egr_configure_runner DIR: installs a runner there and registers it. Unless the user's script must come first, it
# starts while cloud-init is still running; if it fails then, it is tried again later.
egr_configure_runner() {
  local LC_ALL=C
  egr_provide "$1" || return
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: no such directory"
  # A registration that the image contains is not this machine's.
  [ ! -s .service ] || systemctl disable --now "$(<.service)"
  rm -f .runner* .credentials* .service
  egr_check_node &
  egr_install_libraries
  [ -z "$egr_token" ] || egr_register_runner
  pwd >/run/ec2-github-runner/state/configured
}

# egr_set_up_runner DIR: does everything; at a later boot only what does not persist.
egr_set_up_runner() {
  local configured=/run/ec2-github-runner/state/configured try
  [ -z "$egr_user" ] || egr_check_user
  [ -s $configured ] || egr_configure_runner "$1" || egr_fail "download runner: $(head -n 1 /run/ec2-github-runner/why)"
  EGR_HOME=$(<$configured)
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: no such directory"
  # A job may use docker from its first step on. If docker starts at boot, the runner waits for its socket. systemctl
  # is-enabled is not used: systemd is busy during the boot.
  if (cd /etc/systemd/system && [ ! -c docker.service ] && compgen -G '*/docker.s*'); then
    while [ ! -S /run/docker.sock ] && ((try++ < 600)); do
      ((try != 10)) || egr_log 'waiting for docker'
      sleep .1
    done
    ((try < 600)) || egr_log 'warning: the runner starts without docker'
  fi
  [ -z "$egr_user" ] || egr_give_files
  [ "$egr_service" != true ] || egr_install_service
}

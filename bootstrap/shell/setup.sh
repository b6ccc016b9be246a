# From the software to a runner that can be started.

# egr_configure_runner DIR: installs a runner there and registers it. It begins while cloud-init is still at work, unless
# the user's script must come first; what failed then is tried again later.
egr_configure_runner() {
  local LC_ALL=C
  egr_provide "$1" || return
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: no such directory"
  # Whatever registration the image brought is not ours.
  [ ! -s .service ] || systemctl disable --now "$(<.service)"
  rm -f .runner* .credentials* .service
  egr_check_node &
  egr_install_libraries
  [ -z "$egr_token" ] || egr_register_runner
  pwd >/run/ec2-github-runner/state/configured
}

# egr_set_up_runner DIR: all of it; at a later boot only what does not last.
egr_set_up_runner() {
  local configured=/run/ec2-github-runner/state/configured try
  [ -z "$egr_user" ] || egr_check_user
  [ -s $configured ] || egr_configure_runner "$1" || egr_fail "download runner: $(head -n 1 /run/ec2-github-runner/why)"
  EGR_HOME=$(<$configured)
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: no such directory"
  # A job may use docker from its first step on, so where it starts with the machine the runner
  # waits for its socket. Not by systemctl is-enabled, which asks a systemd that is busy with the boot.
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

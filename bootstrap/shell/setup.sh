# From the software to a runner that can be started. It runs in a shell of its own, after the user's
# script, and sees of that only what it exported.

# egr_setup DIR: all of it; at a later boot only what does not last.
egr_setup() {
  LC_ALL=C
  local configured=/run/ec2-github-runner/state/configured home=/run/ec2-github-runner/home try=0
  [ -z "$egr_user" ] || egr_check_user
  [ ! -s $configured ] || cp $configured $home
  [ -s $home ] || egr_provide "$1" || egr_fail "download runner: $(head -n 1 /run/ec2-github-runner/why)"
  EGR_HOME=$(cat $home)
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: it is gone"
  if [ ! -s $configured ]; then
    # Whatever registration the image brought is not ours.
    [ ! -s .service ] || systemctl disable --now "$(cat .service)"
    rm -f .runner .credentials .credentials_rsaparams .service
    egr_libraries
    [ -z "$egr_token" ] || egr_register
  fi
  # A job may use docker from its first step on, so where it starts with the machine the runner
  # waits for its socket.
  if systemctl is-enabled -q docker.socket || systemctl is-enabled -q docker; then
    until [ -S /run/docker.sock ] || [ $((try++)) = 600 ]; do
      [ $try != 10 ] || egr_say 'waiting for docker'
      sleep 0.1
    done
    [ $try -lt 600 ] || egr_say 'warning: docker is not up, so the runner starts without it'
  fi
  [ -z "$egr_user" ] || egr_own_files
  pwd >$configured
  [ "$egr_service" != true ] || egr_install_service || egr_fail 'svc.sh did not start the service'
}

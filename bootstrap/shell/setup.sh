# From the software to a runner that can be started. It runs in a shell of its own, after the user's
# script, and sees of that only what it exported.

# egr_setup DIR: all of it; at a later boot only what does not last.
egr_setup() {
  LC_ALL=C
  if [ -n "$egr_user" ] && ! id -- "$egr_user" >/dev/null 2>&1; then
    egr_fail "run-runner-as-user: there is no user $egr_user on this machine"
  fi
  local done=/run/ec2-github-runner/state/configured
  [ ! -s $done ] || cp $done /run/ec2-github-runner/home
  [ -s /run/ec2-github-runner/home ] || egr_provide "$1" ||
    egr_fail "download runner: $(cat /run/ec2-github-runner/why || echo no answer)"
  EGR_HOME=$(cat /run/ec2-github-runner/home)
  cd "$EGR_HOME" || egr_fail "open $EGR_HOME: it is gone"
  if [ ! -s $done ]; then
    # Whatever registration the image brought is not ours.
    [ ! -s .service ] || systemctl disable --now "$(cat .service)"
    rm -f .runner .credentials .credentials_rsaparams .service
    egr_libraries
    [ -z "$egr_token" ] || egr_register
    [ -z "$egr_user" ] || chown -R -- "$egr_user" .
    pwd >$done
  fi
  egr_docker
  [ "$egr_service" != true ] || egr_install_service || egr_fail 'svc.sh did not start the service'
}

# egr_libraries: what the runner needs and Amazon Linux does not bring.
egr_libraries() {
  ldconfig -p | grep -q libicuuc && return
  egr_say 'installing libicu'
  if command -v yum >/dev/null; then yum -y install libicu; else ./bin/installdependencies.sh; fi
}

# egr_docker: a job may use docker from its first step on, so where docker starts with the machine
# the runner waits for its socket, and the runner's user may open it.
egr_docker() {
  local try=0
  if systemctl is-enabled -q docker.socket docker.service 2>/dev/null; then
    until [ -S /run/docker.sock ]; do
      [ $((try++)) != 10 ] || egr_say 'waiting for docker'
      if [ $try = 600 ]; then
        egr_say 'warning: docker is not up after 60 s, so the runner starts without it'
        break
      fi
      sleep 0.1
    done
  fi
  if [ -n "$egr_user" ] && getent group docker >/dev/null; then
    usermod -aG docker -- "$egr_user"
  fi
}

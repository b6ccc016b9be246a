# From the software to a runner that can be started. It runs in a shell of its own, after the user's
# script, and sees of that only what it exported.

egr_packages() {
  local each list=()
  [ -n "$part_packages" ] || return 0
  while IFS= read -rd '' each; do list+=("$each"); done < <(egr_part packages)
  egr_say "installing ${#list[@]} packages"
  if ! egr_get "${list[@]}"; then
    # As with cloud-init, a package that is not to be had does not keep the runner from starting.
    for each in "${list[@]}"; do
      egr_get "$each" || egr_say "warning: package $each is not installed"
    done
  fi
  egr_say 'installed packages'
}

egr_get() {
  local try
  if command -v apt-get >/dev/null; then
    for try in {1..100}; do
      # Something else that updates or installs while the machine boots holds apt's locks.
      DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install -- "$@" 2>&1 | tee /run/ec2-github-runner/apt
      [ "${PIPESTATUS[0]}" != 0 ] || return 0
      if grep -q 'Could not get lock\|Unable to lock\|is another process using it' /run/ec2-github-runner/apt; then
        sleep 3
      elif [ "$try" = 1 ] || [ ! -e /run/ec2-github-runner/updated ]; then
        apt-get -qy -o DPkg::Lock::Timeout=300 update && : >/run/ec2-github-runner/updated
      else
        return 1
      fi
    done
    return 1
  fi
  yum -y install -- "$@"
}

# egr_configure: a registration of this machine's own; whatever the image brought is not ours.
egr_configure() {
  local name=$egr_name try
  rm -f .runner .credentials .credentials_rsaparams .runner_migrated .credentials_migrated
  [ -n "$egr_token" ] || return 0
  if [ "$egr_name_by_index" = true ]; then
    name+=-$(egr_metadata ami-launch-index) || egr_fail 'read ami-launch-index: no answer from the metadata service'
  fi
  set -- --unattended --url "$egr_url" --token "$egr_token" --labels "$egr_labels" --name "$name" --replace
  [ "$egr_ephemeral" != true ] || set -- "$@" --ephemeral
  for try in 1 2 3; do
    ./config.sh "$@" && break
    [ "$try" != 3 ] || egr_fail "config.sh did not register $name"
    sleep $((try * 3))
  done
  egr_say "configured runner $name"
}

# egr_docker: a job may use docker from its first step on, so where docker starts with the machine
# the runner waits for its socket, and the runner's user may open it.
egr_docker() {
  local try
  systemctl is-enabled -q docker.socket docker.service 2>/dev/null || return 0
  for try in {1..300}; do
    [ ! -S /run/docker.sock ] || break
    [ "$try" != 10 ] || egr_say 'waiting for docker'
    [ "$try" != 300 ] || egr_say 'warning: docker is not up after 60 s, so the runner starts without it'
    sleep 0.2
  done
}

# egr_service: what svc.sh makes, moved to /run: an image of this machine would start it with
# the registration of this one.
egr_service() {
  local unit
  ./svc.sh install "$egr_user" || return
  unit=$(cat .service)
  mv "/etc/systemd/system/$unit" /run/systemd/system/
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  systemctl daemon-reload
  ./svc.sh start
}

# egr_setup DIR: all of it; at a later boot only what does not last.
egr_setup() {
  LC_ALL=C
  egr_values
  if [ -n "$egr_user" ] && ! id -- "$egr_user" >/dev/null 2>&1; then
    egr_fail "run-runner-as-user: there is no user $egr_user on this machine"
  fi
  if [ -s /run/ec2-github-runner/state/configured ]; then
    EGR_HOME=$(cat /run/ec2-github-runner/state/configured)
    echo "$EGR_HOME" >/run/ec2-github-runner/home
    cd "$EGR_HOME" || egr_fail "open $EGR_HOME: it is gone"
  else
    [ -s /run/ec2-github-runner/home ] || egr_provide "$1" || egr_fail "download runner: $(cat /run/ec2-github-runner/why)"
    cd "$(cat /run/ec2-github-runner/home)" || egr_fail "open $(cat /run/ec2-github-runner/home): it is gone"
    egr_configure
    [ -z "$egr_user" ] || chown -R -- "$egr_user" .
    pwd >/run/ec2-github-runner/state/configured
  fi
  [ -n "$egr_jit$jit_config" ] || rm -f /run/ec2-github-runner/secrets
  egr_docker
  if [ -n "$egr_user" ] && getent group docker >/dev/null; then
    usermod -aG docker -- "$egr_user"
  fi
  if [ "$egr_service" = true ]; then
    egr_service || egr_fail 'svc.sh did not start the service'
    egr_say 'started runner as a service'
  fi
}

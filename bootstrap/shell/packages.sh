# The packages that the user wants, by the system's own package manager.

egr_packages() {
  local each list=()
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

# egr_get NAME...
egr_get() {
  local try out=/run/ec2-github-runner/apt
  if ! command -v apt-get >/dev/null; then
    yum -y install -- "$@"
    return
  fi
  for try in {1..200}; do
    DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Options::=--force-confold install -- "$@" 2>&1 | tee $out
    [ "${PIPESTATUS[0]}" != 0 ] || return 0
    if ! grep -q 'Could not get lock\|Unable to lock' $out; then
      [ ! -e $out.new ] || return 1
      apt-get -qy update 2>&1 | tee $out
      grep -q 'Could not get lock\|Unable to lock' $out || : >$out.new
    fi
    # Whatever else installs or updates while the machine boots holds apt's locks.
    [ -e $out.new ] || sleep 2
  done
  return 1
}

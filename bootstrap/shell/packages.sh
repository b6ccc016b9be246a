# The packages that the user wants, by the system's own package manager.

egr_packages() {
  local each try=0 list=()
  while IFS= read -rd '' each; do list+=("$each"); done < <(egr_part packages)
  egr_say "installing ${#list[@]} packages"
  # The lists have a lock for which apt does not wait; and the network may come late. What a machine that
  # was switched off left half installed is put right first.
  ! command -v apt-get || until dpkg --configure -a; apt-get -qy update || ((try++ == 60)); do sleep 2; done
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
  if command -v apt-get; then
    # Whatever else installs or updates while the machine boots holds dpkg's lock.
    DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install -- "$@"
  else
    yum -y install -- "$@"
  fi
}

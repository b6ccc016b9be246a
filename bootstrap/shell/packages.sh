# The packages that the user wants, by the system's own package manager.

egr_install_packages() {
  local each list=()
  while IFS= read -rd '' each; do list+=("$each"); done < <(egr_print_part packages)
  egr_log "installing ${#list[@]} packages"
  egr_is_fedora || egr_retry egr_refresh_lists
  if ! egr_try_install "${list[@]}"; then
    # As with cloud-init, a package that is not to be had does not keep the runner from starting.
    for each in "${list[@]}"; do
      egr_try_install "$each" || egr_log "warning: package $each is not installed: $EGR_WHY"
    done
  fi
  egr_log 'installed packages'
}

# egr_refresh_lists: apt's lists, all of them; and what a machine that was switched off left half installed is put right.
egr_refresh_lists() {
  apt-get -qy -o APT::Update::Error-Mode=any update && dpkg --configure -a
}

# egr_try_install NAME...
egr_try_install() {
  local missing=
  egr_retry egr_install_once "$@" && [ -z "$missing" ]
}

# egr_install_once NAME...: once. What does not exist is not tried again. It shows by the words and not by the exit: yum, and
# dnf with --skip-broken, end with 0 all the same.
egr_install_once() {
  if egr_is_fedora; then
    egr_dnf_install "$@"
  else
    DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Options::=--force-confold install -- "$@"
  fi
  local code=$?
  missing=$(tail -c "+$at" "$EGR_LOG" | grep -aEm1 'Unable to locate|no installation candidate|No match for arg|No package .* avail')
  EGR_WHY=$missing
  [ -n "$missing" ] || return $code
}

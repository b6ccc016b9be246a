# The user's packages, installed by the system's package manager.

egr_install_packages() {
  local each list=()
  while IFS= read -rd '' each; do list+=("$each"); done < <(egr_print_part packages)
  egr_log "installing ${#list[@]} packages"
  egr_is_fedora || egr_retry egr_refresh_lists
  if ! egr_try_install "${list[@]}"; then
    # As with cloud-init, a package that is not available does not prevent the runner from starting.
    for each in "${list[@]}"; do
      egr_try_install "$each" || egr_log "warning: package $each is not installed: $EGR_WHY"
    done
  fi
  egr_log 'installed packages'
}

# egr_refresh_lists: updates all of apt's lists, and completes what an interrupted installation left.
egr_refresh_lists() {
  apt-get -qy -o APT::Update::Error-Mode=any update && dpkg --configure -a
}

# egr_try_install NAME...: installs packages, with retries.
egr_try_install() {
  local missing=
  egr_retry egr_install_once "$@" && [ -z "$missing" ]
}

# egr_install_once NAME...: installs packages, without retries. Packages that do not exist are not retried. They are
# recognised by the output, not by the exit code: yum, and dnf with --skip-broken, exit with 0.
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

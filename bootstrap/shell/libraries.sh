# Libraries that the runner needs and Amazon Linux lacks. The runner's own script does not support Amazon Linux.

egr_install_libraries() {
  ldconfig -p | grep -q libicuuc && return
  egr_log 'installing libicu'
  if egr_is_fedora; then
    egr_retry egr_dnf_install libicu
  else
    egr_retry ./bin/installdependencies.sh
  fi || egr_log "warning: package libicu is not installed: $EGR_WHY"
}

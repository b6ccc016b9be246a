# What the runner needs and Amazon Linux does not bring. The runner's own script does not know Amazon Linux.

egr_libraries() {
  ldconfig -p | grep -q libicuuc && return
  egr_say 'installing libicu'
  if egr_fedora; then
    egr_retry egr_dnf libicu
  else
    egr_retry ./bin/installdependencies.sh
  fi || egr_say "warning: package libicu is not installed: $EGR_WHY"
}

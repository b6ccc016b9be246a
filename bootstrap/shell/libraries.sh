# What the runner needs and Amazon Linux does not bring.

egr_libraries() {
  ldconfig -p | grep -q libicuuc && return
  egr_say 'installing libicu'
  if command -v yum >/dev/null; then yum -y install libicu; else ./bin/installdependencies.sh; fi
}

# What the runner needs and Amazon Linux does not bring.

egr_libraries() {
  ldconfig -p | grep -q libicuuc && return
  egr_say 'installing libicu'
  yum -y install libicu || ./bin/installdependencies.sh
}

# A name that other starts may use at the same time. config.sh --replace would take the registration from the machine
# that has it, so it is omitted for this name. If that fails, the machine uses its other name, which only it may have.
# https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/ConfigurationManager.cs

EGR_CONFIG=egr_register_first_name

# egr_register_first_name ARGUMENT... --replace: runs config.sh once without the last argument; $name is the caller's.
egr_register_first_name() {
  ./config.sh "${@:1:$#-1}" || {
    name=$egr_other${name#"$egr_name"} EGR_CONFIG=./config.sh
    false
  }
}

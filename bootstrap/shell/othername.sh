# A name that other starts may have at the same moment. config.sh --replace takes the registration away from the machine that has it,
# so it is left out for this name; where that fails, the machine goes on to its other name, which is its own alone.
# https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/ConfigurationManager.cs

EGR_CONFIG=egr_register_first_name

# egr_register_first_name ARGUMENT... --replace: config.sh without the last one, once; name is the caller's.
egr_register_first_name() {
  ./config.sh "${@:1:$#-1}" || {
    name=$egr_other${name#"$egr_name"} EGR_CONFIG=./config.sh
    false
  }
}

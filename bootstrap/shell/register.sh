# Registration with a token. A just-in-time configuration needs none.

# EGR_NO_UPDATE is --disableupdate if the missing release must not be installed now.
egr_register_runner() {
  local name=$egr_name try
  $EGR_ADD_INDEX
  [ "$egr_ephemeral" != true ] || set -- --ephemeral
  # shellcheck disable=SC2086 # nothing, or one word
  until ${EGR_CONFIG-./config.sh} --unattended --url "$egr_url" --token "$egr_token" --labels "$egr_labels" --name "$name" ${egr_group:+--runnergroup "$egr_group"} $EGR_NO_UPDATE "$@" --replace; do
    ((++try != 3)) || egr_fail "config.sh did not register $name"
    sleep $((try * 3))
  done
  egr_log "configured runner $name"
}

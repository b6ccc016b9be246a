# The instance metadata service.

# egr_get_metadata PATH: prints a value of the metadata, with a token of version 2 if that is enabled.
egr_get_metadata() {
  local get='curl -sf --noproxy * -m 5 --retry 5 http://169.254.169.254/latest' token=X-aws-ec2-metadata-token
  set -f
  # shellcheck disable=SC2086 # several words; curl omits a header without a value
  $get/meta-data/$1 -H "$token: $($get/api/token -X PUT -H $token-ttl-seconds:60)"
}

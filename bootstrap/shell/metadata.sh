# What the machine does not know of itself.

# egr_get_metadata PATH: one value of the instance metadata service, version 2 where it is on.
egr_get_metadata() {
  local get='curl -sf --noproxy * -m 5 --retry 5 http://169.254.169.254/latest' token=X-aws-ec2-metadata-token
  set -f
  # shellcheck disable=SC2086 # several words; curl leaves a header away that has nothing in it.
  $get/meta-data/$1 -H "$token: $($get/api/token -X PUT -H $token-ttl-seconds:60)"
}

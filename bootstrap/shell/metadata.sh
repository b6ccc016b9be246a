# Machines that one call launched have one name with the number of each behind it, which only the metadata service
# knows.

# shellcheck disable=SC2034 # egr_register_runner calls it
EGR_ADD_INDEX=egr_add_index

# egr_add_index: to name, which is the caller's.
egr_add_index() { name+=-$(egr_get_metadata ami-launch-index) || egr_fail 'no metadata service'; }

# egr_get_metadata PATH: one value of the instance metadata service, version 2 where it is on.
egr_get_metadata() {
  local get='curl -sf --noproxy * -m 5 --retry 5 http://169.254.169.254/latest' token=X-aws-ec2-metadata-token
  set -f
  # shellcheck disable=SC2086 # several words; curl leaves a header away that has nothing in it.
  $get/meta-data/$1 -H "$token: $($get/api/token -X PUT -H $token-ttl-seconds:60)"
}

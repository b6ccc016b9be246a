# What the machine does not know of itself.

# egr_metadata PATH: one value of the instance metadata service, version 2 where it is on.
egr_metadata() {
  local token at=http://169.254.169.254/latest
  token=$(curl -sf --noproxy '*' -m 5 --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $at/api/token)
  curl -sf --noproxy '*' -m 5 --retry 5 ${token:+-H "X-aws-ec2-metadata-token: $token"} "$at/meta-data/$1"
}

# Authorities of the user's own, for all programs of the system and for node, which has a list of its own.

egr_certificates() {
  local to=/usr/local/share/ca-certificates update=update-ca-certificates
  [ ! -d /etc/pki/ca-trust/source/anchors ] || to=/etc/pki/ca-trust/source/anchors update=update-ca-trust
  to+=/ec2-github-runner.crt
  [ -e /run/ec2-github-runner/trusted ] || { egr_part certificates >$to && $update && : >/run/ec2-github-runner/trusted; }
}

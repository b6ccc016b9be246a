# Certificates of the user's own authorities, for all programs of the system and for node, which has its own list.

EGR_CA=/usr/local/share/ca-certificates
[ ! -d /etc/pki/ca-trust/source/anchors ] || EGR_CA=/etc/pki/ca-trust/source/anchors
# For the runner and with it every job.
# https://github.com/actions/runner/blob/v2.336.0/docs/checks/sslcert.md
export NODE_EXTRA_CA_CERTS=$EGR_CA/ec2-github-runner.crt

egr_trust_certificates() {
  local update=update-ca-certificates
  [ $EGR_CA = /usr/local/share/ca-certificates ] || update="update-ca-trust"
  # node reads one file, so the image's certificates are added to it.
  [ -e /run/ec2-github-runner/trusted ] || {
    egr_print_part certificates >$NODE_EXTRA_CA_CERTS && {
      cat $EGR_CA/ec2-github-runner-image.crt 2>/dev/null >>$NODE_EXTRA_CA_CERTS
      $update
    } && : >/run/ec2-github-runner/trusted
  }
}

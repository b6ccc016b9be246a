# The newest runner, for a machine whose user data does not name it: GitHub's web page of the latest release redirects
# to it. GitHub's API would allow 60 requests an hour for each address.

egr_find_newest() {
  local try=0 at=github.com/actions/runner/releases
  EGR_SUM=-
  until EGR_VERSION=$(curl -fsSI -m 20 https://$at/latest 2>/run/ec2-github-runner/curl | grep -om1 '/tag/v[0-9.]*'); do
    ((try)) || egr_log "looking for the newest runner: $(head -n 1 /run/ec2-github-runner/curl)" >&2
    ((try++ < 60)) || { { grep . /run/ec2-github-runner/curl || echo 'GitHub does not say which is the newest'; } >/run/ec2-github-runner/why; return 1; }
    sleep 2
  done
  EGR_VERSION=${EGR_VERSION#*v}
  EGR_URL=https://$at/download/v$EGR_VERSION/actions-runner-linux-$1-$EGR_VERSION.tar.gz
}

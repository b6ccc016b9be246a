# Which runner is the newest, for a machine that was not told. GitHub's API answers 60 times an hour
# and address, its web pages without end.

egr_newest() {
  local try=0 at=github.com/actions/runner/releases
  EGR_SUM=- EGR_VERSION=
  while [ -z "$EGR_VERSION" ]; do
    EGR_VERSION=$({ curl -fsSL https://api.github.com/repos/actions/runner/releases/latest || curl -fsSI https://$at/latest; } |
      sed -n 's/.*\(tag_name" *: *"\|releases\/tag\/\)v\([0-9.]*\).*/\2/p' | head -n 1)
    if [ $((try++)) = 60 ]; then
      echo 'GitHub does not say which is the newest' >/run/ec2-github-runner/why
      return 1
    fi
    [ "$EGR_VERSION" ] || sleep 2
  done
  EGR_URL=https://$at/download/v$EGR_VERSION/actions-runner-linux-$1-$EGR_VERSION.tar.gz
}

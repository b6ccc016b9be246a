#!/bin/bash
# In images made by mode bake: runs the user data without waiting for cloud-init, if it is that of this action.
# Otherwise, or if it cannot be read, this does nothing. cloud-init runs the user data later, and finds it done.
umask 077
at=http://169.254.169.254/latest to=/run/ec2-github-runner-early
mkdir $to && cd $to || exit 0
trap 'rm -rf $to' EXIT

# The network is configured but may not be up yet; without a metadata service there is never a response.
until token=$(curl -sf --noproxy '*' -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $at/api/token); do
  [ $SECONDS -lt 20 ] || exit 0
  sleep 0.1
done
# The token is passed on standard input, since other users can read arguments.
curl -sf --noproxy '*' -m 5 --retry 5 -H @- -o data $at/user-data -o id $at/meta-data/instance-id <<<"X-aws-ec2-metadata-token: $token" || exit 0
[ -s data ] && [ -s id ] || exit 0
if [ "$(head -c 2 data | od -An -tx1)" = ' 1f 8b' ]; then
  zcat <data >plain || exit 0
else
  mv data plain
fi

# The user data of this action: cloud-init's first line, bash, one of the secrets first, and the end of values.
LC_ALL=C
{ IFS= read -r first && IFS= read -r second && IFS= read -r third; } <plain 2>/dev/null
[ "$first" = '#cloud-boothook' ] && [ "$second" = '#!/bin/bash' ] && grep -aqx '# end of values' plain || exit 0
case $third in jit_config=* | egr_token=* | egr_download_token=*) ;; *) exit 0 ;; esac

# As cloud-init does it, without its first line: the same bytes are the same start, whichever runs first.
sed 1d plain >boothook
INSTANCE_ID=$(<id) EGR_AFTER='' bash -c 'trap wait EXIT; . "$0"' $to/boothook

# Docker is ordered after this unit: it starts once the runner has started, but does not wait for a script,
# which may need docker.
grep -aqs '^part_\(script\|setup_script\|packages\)=' /run/ec2-github-runner/boot && exit 0
for ((try = 0; try < 30; try++)); do
  [ ! -e /run/ec2-github-runner/started ] || break
  sleep 0.1
done

#!/bin/bash
# In images of ours: starts what the user data is for without waiting for cloud-init, if it is ours. Where
# it is not, or cannot be had, nothing happens here. cloud-init runs it too, later, and finds it done.
umask 077
at=http://169.254.169.254/latest to=/run/ec2-github-runner-early
mkdir $to && cd $to || exit 0
trap 'rm -rf $to' EXIT

# The network has been configured, but perhaps not come up; without a metadata service it never answers.
until token=$(curl -sf --noproxy '*' -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $at/api/token); do
  [ $SECONDS -lt 20 ] || exit 0
  sleep 0.1
done
# On standard input, since others can read arguments.
curl -sf --noproxy '*' -m 5 --retry 5 -H @- -o data $at/user-data -o id $at/meta-data/instance-id <<<"X-aws-ec2-metadata-token: $token" || exit 0
[ -s data ] && [ -s id ] || exit 0
if [ "$(head -c 2 data | od -An -tx1)" = ' 1f 8b' ]; then
  zcat <data >plain || exit 0
else
  mv data plain
fi

# Ours, and nobody else's: the mark, bash, a value of ours first, and the end of values.
LC_ALL=C
{ IFS= read -r first && IFS= read -r second && IFS= read -r third; } <plain 2>/dev/null
[ "$first" = '#cloud-boothook' ] && [ "$second" = '#!/bin/bash' ] && grep -aqx '# end of values' plain || exit 0
case $third in jit_config=* | egr_token=* | egr_download_token=*) ;; *) exit 0 ;; esac

# As cloud-init does it, without its mark: the same bytes are the same start, whoever is first.
sed 1d plain >boothook
INSTANCE_ID=$(<id) EGR_AFTER='' bash -c 'trap wait EXIT; . "$0"' $to/boothook

# Docker is ordered after this unit: it comes up once the runner has started, but is not kept waiting by a
# script that may want it.
grep -aqs '^part_\(script\|setup_script\|packages\)=' /run/ec2-github-runner/boot && exit 0
for ((try = 0; try < 30; try++)); do
  [ ! -e /run/ec2-github-runner/started ] || break
  sleep 0.1
done

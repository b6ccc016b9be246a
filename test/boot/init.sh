#!/bin/bash
# What the container starts as: the world around the instance first, then the instance's own init.
ip link set lo up
ip addr add 169.254.169.254/32 dev lo 2>/dev/null
# What a container needs for cloud-init to find its data. All else is as the distribution's package has it: a stock
# image sets nothing, and what it waits for or writes at its first boot is what this is a test of.
cat >/etc/cloud/ds-identify.cfg <<<'policy: enabled'
cat >/etc/cloud/cloud.cfg.d/99-boottest.cfg <<CFG
datasource_list: [ ${DATASOURCE} ]
datasource: { Ec2: { strict_id: false, timeout: 5, max_wait: 10, apply_full_imds_network_config: false } }
CFG
if [ ! -e /etc/boottest ]; then
  cat /boottest/in/ca.pem >>/etc/ssl/certs/ca-certificates.crt
  cp /boottest/vendors/debian.asc /etc/apt/trusted.gpg.d/
  # As in Debian's cloud images; without it cloud-init makes another locale.
  echo LANG=C.UTF-8 >/etc/default/locale
  touch /etc/boottest
fi
# A stock image makes host keys at its first boot. How long the primes of RSA take is luck, and all the while they keep a
# processor busy, which the machines of other cases wait for: where nothing is timed, a key that is there already comes
# after as long as the search takes on average.
if [ -e /boottest/in/keys ]; then
  touch /boottest/ssh-keygen
  mount --bind /usr/bin/ssh-keygen /boottest/ssh-keygen
  mount --bind /boottest/in/ssh-keygen /usr/bin/ssh-keygen
fi
# What a case wants to find on the machine, once and at each boot.
# shellcheck disable=SC1091
[ ! -e /boottest/in/before.sh ] || . /boottest/in/before.sh
rm -f /boottest/out/ready
setsid /boottest/machine world </dev/null >>/boottest/out/world.log 2>&1 &
# systemd hangs up its console when it starts: by then the world must have left it.
until [ -e /boottest/out/ready ]; do sleep 0.01; done
exec /sbin/init

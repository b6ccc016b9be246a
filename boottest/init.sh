#!/bin/bash
# What the container starts as: the world around the instance first, then the instance's own init.
ip link set lo up
ip addr add 169.254.169.254/32 dev lo 2>/dev/null
cat >/etc/cloud/ds-identify.cfg <<<'policy: enabled'
cat >/etc/cloud/cloud.cfg.d/99-boottest.cfg <<CFG
datasource_list: [ ${DATASOURCE} ]
datasource: { Ec2: { strict_id: false, timeout: 5, max_wait: 10, apply_full_imds_network_config: false } }
locale: false
apt: { preserve_sources_list: true }
network: { config: disabled }
CFG
if ! grep -q boottest /etc/hosts.done 2>/dev/null; then
  cat /boottest/in/ca.pem >>/etc/ssl/certs/ca-certificates.crt
  rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
  echo 'deb [trusted=yes] file:/boottest/repo ./' >/etc/apt/sources.list
  echo boottest >/etc/hosts.done
fi
# What a case wants to find on the machine, once and at each boot.
# shellcheck disable=SC1091
[ ! -e /boottest/in/before.sh ] || . /boottest/in/before.sh
rm -f /boottest/out/ready
setsid /boottest/machine world </dev/null >>/boottest/out/world.log 2>&1 &
# systemd hangs up its console when it starts: by then the world must have left it.
until [ -e /boottest/out/ready ]; do sleep 0.01; done
exec /sbin/init

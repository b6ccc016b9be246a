# What cloud-init runs, early and at every boot: it hands over to units of our own and returns, so
# that cloud-init is not held up. All it makes lies in /run, which no image keeps; what must survive
# a reboot lies in cloud-init's own folder of this instance, so that a machine made from an image
# of this one knows nothing of it.

egr_unit() {
  {
    printf '[Unit]\nDescription=GitHub Actions runner: %s\n' "$1"
    printf '%s\n' "${@:3}"
    printf 'ExecStart=/bin/bash /run/ec2-github-runner/boot %s\n' "$1"
  } >"/run/systemd/system/$2.service"
}

egr_handover() {
  umask 077
  # Whoever comes second (a second run of cloud-init's stage) finds it done.
  mkdir /run/ec2-github-runner 2>/dev/null || exit 0
  local id=${INSTANCE_ID:-$(egr_metadata instance-id)} after='cloud-init.service cloud-init-network.service'
  local state=/var/lib/cloud/instances/${id:-unknown}/ec2-github-runner sum
  sum=$(sha256sum <"$0")
  # Other user data on the same instance is another runner.
  if [ "$(cat "$state/user-data" 2>/dev/null)" != "$sum" ]; then
    rm -rf "$state"
    mkdir -p "$state"
    echo "$sum" >"$state/user-data"
  fi
  ln -s "$state" /run/ec2-github-runner/state
  LC_ALL=C sed -n '1,/^# end of values$/{/^egr_token=/p; /^egr_download_token=/p; /^egr_jit=/p; /^jit_config=/p}' "$0" >/run/ec2-github-runner/secrets
  LC_ALL=C sed '1,/^# end of values$/{/^egr_token=/d; /^egr_download_token=/d; /^egr_jit=/d; /^jit_config=/d}' "$0" >/run/ec2-github-runner/boot
  egr_up
  echo "$EGR_UP" >/run/ec2-github-runner/since

  # The script and the packages run where users' scripts always ran: in cloud-init's last stage.
  set -- ec2-github-runner-watch.service ec2-github-runner.service
  if [ -n "$part_script$part_packages" ] && [ ! -e "$state/prepared" ]; then
    after+=' cloud-config.service cloud-final.service'
  fi
  # The script may set up what the download needs (a proxy, a disk): then the download waits for it.
  if [ -z "$part_script" ] || [ -e "$state/prepared" ]; then
    set -- "$@" ec2-github-runner-fetch.service
  fi
  mkdir -p /run/systemd/system
  egr_unit watch ec2-github-runner-watch DefaultDependencies=no '[Service]' Restart=always RestartSec=1 OOMScoreAdjust=-1000
  egr_unit fetch ec2-github-runner-fetch DefaultDependencies=no '[Service]' Type=oneshot
  # Jobs must not notice the unit: no limit, no killing of what a job leaves behind or of the runner
  # when a job runs out of memory. https://www.freedesktop.org/software/systemd/man/systemd.service.html
  egr_unit main ec2-github-runner "After=$after ec2-github-runner-fetch.service systemd-tmpfiles-setup.service" '[Service]' \
    KillMode=process OOMPolicy=continue TasksMax=infinity Delegate=yes TimeoutStopSec=15
  systemctl --no-block start "$@" || { systemctl daemon-reload && systemctl --no-block start "$@"; }
  egr_say 'boot script started'
}

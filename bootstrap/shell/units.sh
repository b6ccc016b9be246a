# What cloud-init runs, early and at every boot: it starts units of our own and returns, so that
# cloud-init is not delayed. All it makes lies in /run, which no image keeps; what must survive
# a reboot lies in cloud-init's own folder of this instance, so that a machine made from an image
# of this one knows nothing of it.

# egr_write_unit NAME VERB LINE... Nobody restarts it, least of all needrestart, which asks for this property: a script would
# run twice, or a job would end.
egr_write_unit() {
  printf '%s\n' '[Unit]' RefuseManualStop=yes "${@:3}" "ExecStart=/bin/bash /run/ec2-github-runner/boot $2" >"/run/systemd/system/$1.service"
}

egr_start_units() {
  umask 077
  # Whoever comes second (a second run of cloud-init's stage) finds it done.
  mkdir /run/ec2-github-runner && cd /run/ec2-github-runner || exit
  local id=${INSTANCE_ID:-$(cat /var/lib/cloud/data/instance-id)} after=${EGR_AFTER-cloud-config.service} todo=$part_script sum
  local state=/var/lib/cloud/instances/$id/ec2-github-runner units='ec2-github-runner-watch ec2-github-runner'
  # A job may install things from its first step on. Where apt looks for them cloud-init writes in its config stage,
  # which comes after users, disks and files; an image of ours has all that and does not wait.
  # https://docs.cloud-init.io/en/latest/explanation/boot.html
  sum=$(cksum <"$0")
  # Other user data on the same instance is another runner; and this may be an image of another machine.
  grep -qsx "$sum" "$state/user-data" || rm -rf /var/lib/cloud/instances/*/ec2-github-runner
  mkdir -p "$state" /run/systemd/system
  echo "$sum" >"$state/user-data"
  ln -s "$state" state
  # What is secret goes to a file of its own, which is removed once it is used.
  sed '1,/^# end of secrets$/{w secrets
d}' "$0" >boot
  egr_read_uptime
  echo "$EGR_UPTIME" >since
  # A script may set up what the download needs (a proxy, a disk): then the download waits for it.
  egr_once_done || todo+=$part_setup_script
  # It is started first: systemd takes them one by one, and the runner would not wait for what is not there yet.
  [ -n "$todo" ] || [ -e "$state/configured" ] || units="ec2-github-runner-fetch $units"
  # The scripts and the packages run where users' scripts always ran: in cloud-init's last stage.
  egr_once_done || todo+=$part_packages
  [ -z "$todo" ] || [ -e "$state/prepared" ] || after+=' cloud-final.service'
  egr_write_unit ec2-github-runner-watch watch DefaultDependencies=no '[Service]' Restart=always RestartSec=1 OOMScoreAdjust=-1000
  # What it starts beside itself outlives it, and what runs out of memory there is tried again.
  egr_write_unit ec2-github-runner-fetch fetch DefaultDependencies=no '[Service]' Type=oneshot KillMode=process OOMPolicy=continue
  # Jobs must not notice the unit: no limit, no killing of what a job leaves behind or of the runner
  # when a job runs out of memory. https://www.freedesktop.org/software/systemd/man/systemd.service.html
  egr_write_unit ec2-github-runner main "After=$after ec2-github-runner-fetch.service systemd-tmpfiles-setup.service" '[Service]' \
    KillMode=process OOMPolicy=continue TasksMax=infinity Delegate=yes TimeoutStopSec=15
  # Said before the units start: the last line of a download that fails must stay the last that happened.
  egr_log 'boot script started'
  # shellcheck disable=SC2086 # several
  systemctl --no-block start $units || { systemctl daemon-reload && systemctl --no-block start $units; }
}

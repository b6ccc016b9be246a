# What cloud-init runs, early and at every boot: it starts its own units and returns, so that cloud-init is not delayed.
# Its files are in /run, which is not part of an image. What must survive a reboot is in cloud-init's folder of this
# instance, so that a machine made from an image of this one does not use it.

# egr_write_unit NAME VERB LINE...: writes a unit that nobody may restart; needrestart checks this property. A restart
# would run a script twice, or end a job.
egr_write_unit() {
  printf '%s\n' '[Unit]' RefuseManualStop=yes "${@:3}" "ExecStart=/bin/bash /run/ec2-github-runner/boot $2" >"/run/systemd/system/$1.service"
}

egr_start_units() {
  umask 077
  # A second run of cloud-init's stage finds the folder.
  mkdir /run/ec2-github-runner && cd /run/ec2-github-runner || exit
  local id=${INSTANCE_ID:-$(cat /var/lib/cloud/data/instance-id)} after=${EGR_AFTER-cloud-config.service} todo=$part_script sum
  local state=/var/lib/cloud/instances/$id/ec2-github-runner units='ec2-github-runner-watch ec2-github-runner'
  # A job may install packages from its first step on. cloud-init configures the sources in its config stage, after
  # users, disks and files. An image made by mode bake has all that and does not wait.
  # https://docs.cloud-init.io/en/latest/explanation/boot.html
  sum=$(cksum <"$0")
  # Other user data on the same instance is another runner, and the state may come from an image of another machine.
  grep -qsx "$sum" "$state/user-data" || rm -rf /var/lib/cloud/instances/*/ec2-github-runner
  mkdir -p "$state" /run/systemd/system
  echo "$sum" >"$state/user-data"
  ln -s "$state" state
  # Secrets go to a file of their own, which is removed once they are used.
  sed '1,/^# end of secrets$/{w secrets
d}' "$0" >boot
  egr_read_uptime
  echo "$EGR_UPTIME" >since
  # A script may set up what the download needs (a proxy, a disk): then the download waits for it.
  egr_once_done || todo+=$part_setup_script
  # The fetch unit comes first: systemd starts units one by one, and the runner's unit waits only for units that are
  # queued.
  [ -n "$todo" ] || [ -e "$state/configured" ] || units="ec2-github-runner-fetch $units"
  # Scripts and packages run where users' scripts always run: in cloud-init's last stage.
  egr_once_done || todo+=$part_packages
  [ -z "$todo" ] || [ -e "$state/prepared" ] || after+=' cloud-final.service'
  egr_write_unit ec2-github-runner-watch watch DefaultDependencies=no '[Service]' Restart=always RestartSec=1 OOMScoreAdjust=-1000
  # Processes that it leaves behind survive it, and what ran out of memory there is tried again.
  egr_write_unit ec2-github-runner-fetch fetch DefaultDependencies=no '[Service]' Type=oneshot KillMode=process OOMPolicy=continue
  # Jobs must not be affected by the unit: no limits, and neither a job's remaining processes nor, when a job runs out
  # of memory, the runner are killed. https://www.freedesktop.org/software/systemd/man/systemd.service.html
  egr_write_unit ec2-github-runner main "After=$after ec2-github-runner-fetch.service systemd-tmpfiles-setup.service" '[Service]' \
    KillMode=process OOMPolicy=continue TasksMax=infinity Delegate=yes TimeoutStopSec=15
  # Logged before the units start: the last line of a failing download must remain the last phase.
  egr_log 'boot script started'
  # shellcheck disable=SC2086 # several
  systemctl --no-block start $units || { systemctl daemon-reload && systemctl --no-block start $units; }
}

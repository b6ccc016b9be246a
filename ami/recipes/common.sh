# Runs a bake: one step after another, each in its own shell, across reboots, and reports a failed step. EGR_STEPS in
# the architecture's file lists the steps.

# In /run, so that it is not part of the image.
EGR_LOG=/run/ec2-github-runner/bake.log

# egr_start_bake: called by cloud-init, early and at every boot, which must not wait. The bake runs after cloud-init,
# which installs packages and holds apt's locks too.
egr_start_bake() {
  umask 077
  mkdir /run/ec2-github-runner 2>/dev/null && cd /run/ec2-github-runner || exit 0
  local state=/var/lib/cloud/instances/${INSTANCE_ID:-$(cat /var/lib/cloud/data/instance-id)}/ec2-github-runner
  # What was done must survive a reboot, and "cloud-init clean" removes it from the image.
  mkdir -p "$state" /run/systemd/system
  ln -s "$state" state
  sed '1,/^# end of secrets$/{w secrets
d}' "$0" >boot
  printf '%s\n' '[Unit]' 'After=network-online.target cloud-init.service cloud-config.service cloud-final.service' \
    '[Service]' OOMPolicy=continue Restart=on-failure RestartSec=5 TimeoutStopSec=15 \
    'ExecStart=/bin/bash /run/ec2-github-runner/boot bake' >/run/systemd/system/ec2-github-runner-bake.service
  systemctl --no-block start ec2-github-runner-bake || { systemctl daemon-reload && systemctl --no-block start ec2-github-runner-bake; }
  egr_decode egr_end
  egr_power_off_at "$egr_end"
  # A sign of life, minutes before the first step on a slow machine.
  egr_decode egr_nonce
  egr_log "bake $egr_nonce: begin"
}

# egr_power_off_at SECONDS: powers the machine off, which terminates it, at that Unix time: a bake that lost its
# credentials leaves no builder behind. The unit is in /run and created at each boot. Without --no-block it would wait
# for a boot that waits for it.
egr_power_off_at() {
  local left=$(($1 - $(date +%s)))
  [ "$1" != 0 ] || return 0
  systemd-run --no-block --unit=ec2-github-runner-end --on-active=$((left > 1 ? left : 1)) \
    /bin/sh -c 'systemctl --no-block poweroff; sleep 120; systemctl -ff poweroff'
}

# egr_run_steps: runs all steps that are not done yet, and prints the verdict; does not return.
egr_run_steps() {
  local step code
  cd /run/ec2-github-runner || exit
  [ ! -s state/verdict ] || egr_print_verdict "$(<state/verdict)"
  for step in $EGR_STEPS; do
    if grep -qsx -- "$step" state/done; then continue; fi
    egr_log "bake $egr_nonce: $step"
    rm -f because
    /bin/bash /run/ec2-github-runner/boot step "$step" </dev/null >>"$EGR_LOG" 2>&1
    code=$?
    if [ $code != 0 ]; then
      [ -s because ] || echo "it ended with exit $code" >because
      egr_print_verdict "failed: $step: $(head -c 300 because | LC_ALL=C tr -c '\40-\176' ' ' | sed 's/ *$//')"
    fi
    # The last step has removed the folder.
    echo "$step" >>state/done
  done
  egr_print_verdict ok
}

# egr_print_verdict TEXT: prints it for as long as the machine is up, since EC2 shows the console late.
egr_print_verdict() {
  if [ "$1" != ok ]; then
    echo "$1" >state/verdict
    egr_print_tail >/dev/console
  fi
  while :; do
    echo "ec2-github-runner: bake $egr_nonce: $1" >/dev/console
    sleep 5
  done
}

# egr_run_step NAME: runs a step in this shell, which a failing command exits.
egr_run_step() {
  cd /root || exit
  export HOME=/root DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  umask 022
  # node has its own list of certificates.
  egr_find_ca
  [ ! -s "$EGR_CA" ] || export NODE_EXTRA_CA_CERTS=$EGR_CA
  trap 'egr_record_reason "$BASH_COMMAND" $?' ERR
  set -eE -o pipefail
  "egr_step_${1//-/_}"
}

# egr_record_reason COMMAND EXIT: records the first failure as the reason, with apt's or dnf's error message if there is
# one.
egr_record_reason() {
  local said
  [ ! -s /run/ec2-github-runner/because ] || return 0
  said=$(tail -n 30 "$EGR_LOG" | grep '^E: \|^Error: ' | tail -n 1 || :)
  echo "${1%%$'\n'*}: exit $2${said:+: $said}" >/run/ec2-github-runner/because
}

# egr_fail WHAT: fails the step with a known reason.
egr_fail() {
  echo "$*" >/run/ec2-github-runner/because
  echo "error: $*"
  exit 1
}

# egr_retry_times TIMES COMMAND...: retries the command until it succeeds: the network may come late, and mirrors fail
# at times.
egr_retry_times() {
  local try=0 code
  while :; do
    if "${@:2}"; then return; else code=$?; fi
    if [ $((++try)) -ge "$1" ]; then
      egr_record_reason "${*:2}" "$code"
      return 1
    fi
    [ $try != 1 ] || egr_log "warning: ${*:2}: no success yet, it is tried again"
    sleep 5
  done
}

# egr_step_reboot: reboots the machine, after which the next step follows.
egr_step_reboot() {
  echo reboot >>/run/ec2-github-runner/state/done
  sync
  systemctl --no-block reboot
  sleep 600
  egr_fail 'the machine did not reboot'
}

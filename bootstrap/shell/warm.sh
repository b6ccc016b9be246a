# A warm-up: the machine does everything that needs no job, reads its files once, and powers itself off. It is started
# again with the user data of the start that claims it.

# egr_warm_main: replaces egr_runner_main; does not return.
EGR_MAIN=egr_warm_main
egr_warm_main() {
  local missing
  . /run/ec2-github-runner/secrets
  egr_decode egr_token egr_download_token egr_jit
  egr_set_up_runner "$EGR_DIR"
  # A start tolerates a package that is not available. A machine that is kept must not lack one.
  missing=$(sed -n 's/^ec2-github-runner: warning: \(package .*\) (.*/\1/p' "$EGR_LOG")
  if [ -n "$missing" ]; then
    rm -f /run/ec2-github-runner/state/{../ec2-github-runner.once,configured}
    egr_fail "${missing%%$'\n'*}"
  fi
  rm -f /run/ec2-github-runner/secrets
  egr_wait_for_boot
  egr_read_files
  sync
  : >/run/ec2-github-runner/ready
  rm -f /run/ec2-github-runner/state/lived
  egr_log 'warm: ready'
  systemctl --no-block poweroff
  exit
}

# egr_compute_time_left: sets EGR_LEFT to half of the time until the watchdog powers the machine off, at least 1 second.
egr_compute_time_left() {
  egr_read_uptime
  EGR_LEFT=$(((egr_registration_timeout_seconds - EGR_UPTIME + $(</run/ec2-github-runner/since) - $(cat /run/ec2-github-runner/state/lived 2>/dev/null || echo 0)) / 2))
  ((EGR_LEFT > 0)) || EGR_LEFT=1
}

# egr_wait_for_boot: waits for what the system does at an instance's first boot (cloud-init's last stage, the seeding of
# snaps, upgrades). If it were interrupted, it would start again during a job, or stay incomplete.
egr_wait_for_boot() {
  local try=0
  egr_compute_time_left
  until [ -e /run/cloud-init/result.json ] && ! systemctl list-jobs | grep -qE ' (running|waiting) *$'; do
    [ $try != 1 ] || egr_log 'warm: waiting for the end of the boot'
    ((try++ < EGR_LEFT)) || break
    sleep 1
  done
}

# egr_read_files: reads files, since a volume made from a snapshot fetches each block from S3 when it is first read. The
# boot has read some; this reads what a job will need, the most likely first, in parallel since the latency is high, for
# at most half of the remaining time. https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html
egr_read_files() {
  egr_compute_time_left
  egr_log 'warm: reading files'
  find "$EGR_HOME" /usr/bin /usr/sbin /usr/lib /usr/libexec /usr/local /etc /opt /var/lib/docker /var/lib/containerd /var/lib / \
    -xdev -type f -print0 2>/dev/null | timeout -k 5 $EGR_LEFT xargs -0 -n 32 -P 16 cat >/dev/null 2>&1
  case ${PIPESTATUS[1]} in
    124 | 137) egr_log "warm: read files for $EGR_LEFT s, which was too short for all" ;;
    *) egr_log 'warm: read files' ;;
  esac
}

# egr_warm_check: runs once a second; powers the machine off once it is ready or has failed.
EGR_CHECK=egr_warm_check
egr_warm_check() {
  egr_read_uptime
  if [ -e ready ]; then
    : "${ready:=$EGR_UPTIME}"
    # An orderly shutdown (of an upgrade in progress) gets enough time: the machine is kept.
    ((EGR_UPTIME - ready < 300)) || systemctl -ff poweroff
    return
  fi
  lived=$((before + EGR_UPTIME - since))
  ((lived < saved + 30)) || echo $((saved = lived)) >state/lived
  if [ -e failed ]; then
    egr_power_off "$(<failed)"
  elif egr_is_over_limit egr_registration_timeout_seconds "$lived"; then
    (egr_fail "the machine is not warm after $lived s; the last that happened: $(<phase)")
  elif [ -s pid ] && [ ! -e "/proc/$(<pid)" ]; then
    (egr_fail 'the warm-up was killed')
  fi
}

# The runner as a service, by its own svc.sh. The unit goes to /run: an image of this machine would otherwise start it
# with this machine's registration. svc.sh start looks for the unit in /etc, so systemctl starts it. (actions/runner
# v2.336.0, src/Misc/layoutbin/systemd.svc.sh.template)

egr_install_service() {
  local unit
  # One of the same name may come from the image, or from a boot that was interrupted here.
  ./svc.sh uninstall
  ./svc.sh install "$egr_user" || egr_fail 'svc.sh did not install the service'
  unit=$(<.service)
  $EGR_HOOK
  # SELinux forbids systemd to run files in unknown folders. https://github.com/actions/runner/issues/1606
  ! selinuxenabled 2>/dev/null || chcon -t bin_t runsvc.sh
  mv "/etc/systemd/system/$unit" /run/systemd/system/
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  egr_print_service_lines >>"/run/systemd/system/$unit"
  systemctl daemon-reload
  : >/run/ec2-github-runner/started
  systemctl start "$unit" || egr_fail 'the service did not start'
  egr_log 'started runner as a service' || :
}

# egr_print_service_lines: prints what the runner's own unit lacks. Jobs must not be affected by the unit, only its own
# exit may restart it, and a listener that survives its parent is waited for, since two of them would conflict.
egr_print_service_lines() {
  printf '%s\n' '[Unit]' RefuseManualStop=yes '[Service]' OOMPolicy=continue TasksMax=infinity Delegate=yes \
    LimitNOFILE=524288 ${NODE_EXTRA_CA_CERTS:+"Environment=NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS"} \
    ${EGR_HOOK:+"Environment=ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"} Restart=on-failure RestartSec=2 TimeoutStartSec=infinity \
    "ExecStartPre=/bin/bash -c 'while ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF \$\$PWD/bin; do sleep 1; done'"
}

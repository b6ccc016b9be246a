# The runner as a service of the system, by its own svc.sh. The unit goes to /run: an image of this
# machine would else start it with the registration of this one.

egr_install_service() {
  local unit
  ./svc.sh install "$egr_user" && unit=$(<.service) || return
  mv "/etc/systemd/system/$unit" /run/systemd/system/
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  systemctl daemon-reload
  : >/run/ec2-github-runner/started
  ./svc.sh start && egr_say 'started runner as a service'
}

#!/bin/bash
# The stand-in runner's svc.sh: a unit in /etc/systemd/system, as the real one makes it.
set -e
cd "$(dirname "${BASH_SOURCE[0]}")"
name=actions.runner.owner-repo.$(hostname).service
unit=/etc/systemd/system/$name
[ "$(id -u)" = 0 ] || { echo 'Failed: Must run as sudo'; exit 1; }
case $1 in
  install)
    [ ! -e "$unit" ] || { echo "Failed: error: exists $unit"; exit 1; }
    # Unquoted as in the real one: no user means whoever calls.
    user=${2:-$SUDO_USER}
    # shellcheck disable=SC2086
    id -u $user >/dev/null || { echo 'Failed: User does not exist'; exit 1; }
    printf '[Unit]\nAfter=network.target\n[Service]\nExecStart=%s/bin/Runner.Listener run --startuptype service\n%s\nWorkingDirectory=%s\nKillMode=process\nKillSignal=SIGTERM\n[Install]\nWantedBy=multi-user.target\n' \
      "$PWD" "${user:+User=$user}" "$PWD" >"$unit"
    systemctl daemon-reload
    systemctl enable "$name"
    echo "$name" >.service
    ;;
  start) systemctl start "$name" ;;
  status) systemctl --no-pager status "$name" ;;
  stop) systemctl stop "$name" ;;
  uninstall)
    systemctl stop "$name"
    systemctl disable "$name"
    rm -f "$unit" .service
    ;;
esac

# The runner as somebody else than root.

egr_check_user() {
  id -- "$egr_user" || egr_fail "run-runner-as-user: there is no user $egr_user on this machine"
}

# egr_own_files: of the current directory; and docker's socket may be opened.
egr_own_files() {
  chown -R -- "$egr_user" .
  usermod -aG docker -- "$egr_user" 2>/dev/null
}

# egr_as_user COMMAND: in place of this shell.
egr_as_user() {
  [ "$HOME" != /root ] || HOME=$(getent passwd "$egr_user" | cut -d : -f 6)
  export USER=$egr_user LOGNAME=$egr_user
  # A session of its own (PAM) lowers the limit again.
  # shellcheck disable=SC2016
  exec runuser -u "$egr_user" -- bash -c 'ulimit -n "$(ulimit -Hn)"; exec "$0"' "$@"
}

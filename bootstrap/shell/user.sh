# The runner as a user other than root.

egr_check_user() {
  id -- "$egr_user" || egr_fail "run-runner-as-user: there is no user $egr_user on this machine"
}

# egr_give_files: gives the user the runner's files in EGR_HOME, once, and access to docker's socket.
egr_give_files() {
  local owned=/run/ec2-github-runner/state/owned
  ! grep -qsxF -- "$EGR_HOME" $owned || return
  chown -R -- "$egr_user" "$EGR_HOME/."
  usermod -aG docker -- "$egr_user" 2>/dev/null
  echo "$EGR_HOME" >$owned
}

# egr_exec_as_user COMMAND: replaces this shell with the command.
egr_exec_as_user() {
  [ "$HOME" != /root ] || HOME=$(getent passwd "$egr_user" | cut -d : -f 6)
  export USER=$egr_user LOGNAME=$egr_user
  # A new session (PAM) lowers the limit again.
  # shellcheck disable=SC2016
  exec runuser -u "$egr_user" -- bash -c 'ulimit -n "$(ulimit -Hn)"; exec "$0"' "$@"
}

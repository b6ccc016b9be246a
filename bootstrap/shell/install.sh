# The system's package manager, while a machine boots. Something else may hold its locks (an agent that updates itself,
# unattended upgrades), and networks and mirrors come late: what fails is tried again, for two minutes.

# egr_fedora: packages come by dnf or yum here: Amazon Linux, Fedora, CentOS, RHEL. Elsewhere they come by apt.
egr_fedora() { grep -qs '^ID.*fedora' /etc/os-release; }

# egr_retry COMMAND...: until it works. Why it did not is in EGR_WHY then, in its own words. The two minutes are for
# all calls together.
egr_retry() {
  local at
  until at=$(wc -c <"$EGR_LOG"); LC_ALL=C "$@"; do
    # 128 + SIGKILL: the kernel's, when memory runs out.
    [ $? != 137 ] || echo "error: $1 was killed: too little memory"
    EGR_WHY=$(tail -c "+$at" "$EGR_LOG" | grep -aiEm1 'lock|error|^E:' || tail -n 1 "$EGR_LOG")
    ((EGR_WAITS++ < 24)) || return
    egr_say "installing again: $EGR_WHY"
    sleep 5
  done
}

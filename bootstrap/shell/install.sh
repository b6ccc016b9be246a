# The system's package manager, while a machine boots. Something else may hold its locks (an agent that updates itself,
# unattended upgrades), and networks and mirrors come late: what fails is tried again, for two minutes.

# egr_is_fedora: reports whether packages come by dnf or yum: on Amazon Linux, Fedora, CentOS, RHEL. Elsewhere they come
# by apt. The program's name is in EGR_MANAGER then.
egr_is_fedora() {
  EGR_MANAGER=apt-get
  grep -qs '^ID.*fedora' /etc/os-release || return
  EGR_MANAGER=yum
  ! command -v dnf || EGR_MANAGER=dnf
}

# egr_dnf_install NAME...: once. For locks of its own it would wait by itself, for any time and without a line on the console.
# https://dnf.readthedocs.io/en/latest/conf_ref.html
egr_dnf_install() { $EGR_MANAGER -y --setopt=exit_on_lock=1 install -- "$@"; }

# egr_retry COMMAND...: until it works. Why it did not is in EGR_WHY then, in its own words. The two minutes begin with
# the first failure and are for all calls of this shell together, however long each takes.
egr_retry() {
  local -x LC_ALL=C
  local at
  until at=$(wc -c <"$EGR_LOG"); "$@"; do
    # Killed is what bash says, or dpkg, of a program that the kernel killed as memory ran out.
    EGR_WHY=$(tail -c "+$at" "$EGR_LOG" | sed -nE "s/.*\bKilled\b.*/error: $EGR_MANAGER was killed: too little memory/; /^(E:|(\w+: )?error|\w+ already locked)/I{p;q}; \$p")
    egr_read_uptime
    : "${EGR_UNTIL:=$((EGR_UPTIME + 120))}"
    ((EGR_UPTIME < EGR_UNTIL)) || return
    egr_log "installing again: $EGR_WHY"
    sleep 5
  done
}

# The system's package manager during the boot. Others may hold its locks (an agent that updates itself, unattended
# upgrades), and network and mirrors may come late, so failed calls are retried for two minutes.

# egr_is_fedora: reports whether packages are installed by dnf or yum (Amazon Linux, Fedora, CentOS, RHEL) rather than
# apt. Sets EGR_MANAGER to the program's name.
egr_is_fedora() {
  EGR_MANAGER=apt-get
  grep -qs '^ID.*fedora' /etc/os-release || return
  EGR_MANAGER=yum
  ! command -v dnf || EGR_MANAGER=dnf
}

# egr_dnf_install NAME...: installs packages, without retries. By default dnf would wait for its own locks for any time
# and without a line on the console.
# https://dnf.readthedocs.io/en/latest/conf_ref.html
egr_dnf_install() { $EGR_MANAGER -y --setopt=exit_on_lock=1 install -- "$@"; }

# egr_retry COMMAND...: retries the command until it succeeds. If it does not, EGR_WHY is the reason in its own words.
# The two minutes start at the first failure and apply to all calls of this shell together.
egr_retry() {
  local -x LC_ALL=C
  local at
  until at=$(wc -c <"$EGR_LOG"); "$@"; do
    # bash and dpkg print "Killed" for a program that the kernel killed for lack of memory.
    EGR_WHY=$(tail -c "+$at" "$EGR_LOG" | sed -nE "s/.*\bKilled\b.*/error: $EGR_MANAGER was killed: too little memory/; /^(E:|(\w+: )?error|\w+ already locked)/I{p;q}; \$p")
    egr_read_uptime
    : "${EGR_UNTIL:=$((EGR_UPTIME + 120))}"
    ((EGR_UPTIME < EGR_UNTIL)) || return
    egr_log "installing again: $EGR_WHY"
    sleep 5
  done
}

# The log: one line per phase, with the seconds since boot, to the log file and to the console, where the step that
# started the machine can read it (GetConsoleOutput).

EGR_LOG=/tmp/runner-setup.log

egr_log() {
  local LC_ALL=C up text=$*
  read -r up _ </proc/uptime
  # Control characters must not reach the console.
  text=${text//[^[:print:]]/?}
  echo "$text" >/run/ec2-github-runner/phase
  text="ec2-github-runner: $text (${up%?} s)"
  echo "$text"
  { echo "$text" >/dev/console; } 2>/dev/null
}

# egr_fail WHAT: fails the setup. The watchdog powers the machine off.
egr_fail() {
  egr_log "error: $*"
  egr_print_tail >/dev/console
  echo "$*" >/run/ec2-github-runner/failed
  exit 1
}

# egr_read_uptime: sets EGR_UPTIME to the whole seconds since boot, which changes of the clock do not affect.
egr_read_uptime() {
  read -r EGR_UPTIME _ </proc/uptime
  EGR_UPTIME=${EGR_UPTIME%.*}
}

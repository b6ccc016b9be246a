# The machine's runner: the installed one if GitHub accepts it, or else a download.

# egr_provide DIR: provides a runner that GitHub accepts, in DIR or next to it, and sets EGR_HOME to its folder.
egr_provide() {
  local have
  EGR_HOME=$1
  have=$(egr_print_version "$1")
  if [ -z "$have" ]; then
    egr_download "$1"
  elif egr_is_current "$1"; then
    egr_log "found runner $have in $1"
  else
    egr_upgrade_runner "$have" || egr_log 'warning: no newer runner found'
  fi
}

# egr_at_least VERSION: reports whether $have, the version that egr_provide found, is not older.
egr_at_least() { printf '%s\n' "$1" "$have" | sort -VC; }

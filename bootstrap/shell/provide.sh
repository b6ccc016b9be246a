# Which runner the machine gets: the one that it has, where GitHub accepts it, or else one that is downloaded.

# egr_provide DIR: a runner that GitHub accepts, in DIR or next to it; its folder is in EGR_HOME.
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

# egr_at_least VERSION: reports whether what egr_provide found is not older.
egr_at_least() { printf '%s\n' "$1" "$have" | sort -VC; }

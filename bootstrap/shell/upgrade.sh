# If the image's runner is too old, the current one is installed in a folder next to it.

# egr_upgrade_runner VERSION: replaces the runner in EGR_HOME, which has that version, and sets EGR_HOME to the new
# folder.
egr_upgrade_runner() {
  local new
  egr_log "warning: runner $1 in $EGR_HOME is too old: bake the image again"
  egr_choose_download && new=${EGR_HOME%/}-$EGR_VERSION && { [ "$(egr_print_version "$new")" ] || egr_download "$new"; } || return
  cp -p "$EGR_HOME"/.{env,path,runner*,credentials*} "$new/" 2>/dev/null
  EGR_HOME=$new
}

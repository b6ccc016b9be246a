# The image's runner is too old: it is left as it is, and the current one goes beside it.

# egr_beside VERSION: of the one in EGR_HOME, which then tells where the new one is.
egr_beside() {
  local new
  egr_say "warning: runner $1 in $EGR_HOME is too old: bake the image again"
  egr_choose && new=${EGR_HOME%/}-$EGR_VERSION && { [ "$(egr_version "$new")" ] || egr_download "$new"; } || return
  cp -p "$EGR_HOME"/.{env,path,runner*,credentials*} "$new/" 2>/dev/null
  EGR_HOME=$new
}

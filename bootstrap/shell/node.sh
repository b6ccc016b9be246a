# Whether JavaScript actions can run here.

# egr_check_node: JavaScript actions run in a node that the runner brings, which an old C library does not run (Amazon
# Linux 2). The runner starts all the same, and nothing waits for this.
egr_check_node() {
  local each why
  for each in "$EGR_HOME"/externals/node[0-9][0-9]/bin/node; do
    [ ! -e "$each" ] || why=$("$each" -v 2>&1) || {
      egr_log "warning: the runner's own node does not run, so no JavaScript action does: ${why##*: }"
      return
    }
  done
}

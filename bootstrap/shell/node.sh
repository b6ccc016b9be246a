# Whether JavaScript actions can run on this machine.

# egr_check_node: warns if the runner's own node, which runs JavaScript actions, does not work with the C library
# (Amazon Linux 2). The runner starts nevertheless, and nothing waits for this check.
egr_check_node() {
  local each why
  for each in "$EGR_HOME"/externals/node[0-9][0-9]/bin/node; do
    [ ! -e "$each" ] || why=$("$each" -v 2>&1) || {
      egr_log "warning: the runner's own node does not run, so no JavaScript action does: ${why##*: }"
      return
    }
  done
}

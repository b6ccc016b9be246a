# What runner-debug adds: facts about the machine, and the whole log on the console.

egr_show_debug() {
  uname -a
  df -h /
  free -m
  ip -br address
  # Not a child of this shell, since the user's script may wait for all of them.
  (tail -n +1 -F "$EGR_LOG" | LC_ALL=C sed -u '/^ec2-github-runner: /d; s/[^[:print:]]/?/g; s/^/ec2-github-runner: | /' >/dev/console &)
}

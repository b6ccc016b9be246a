# The last lines of the log, for the console.

egr_print_tail() {
  tail -n 12 "$EGR_LOG" | tail -c 2000 | LC_ALL=C tr -cd '\n\40-\176' |
    sed '/^ec2-github-runner: /d; s/^/ec2-github-runner: | /'
}

# An outdated runner updates itself once it is connected, and takes no job meanwhile. GitHub accepts it until the
# release that it lacks is 30 days old, so an image that was baked less than 30 days ago cannot lack such a release.
# https://docs.github.com/en/actions/reference/runners/self-hosted-runners

# egr_is_current DIR: reports whether the runner there, of version $have, need not be replaced by the newest.
egr_is_current() {
  egr_at_least "$egr_minimum_version" || return
  egr_choose_download && ! egr_at_least "$EGR_VERSION" || return 0
  # 29 days, less how long the machine may live, unless its lifetime is unlimited.
  ((egr_max_lifetime_seconds)) && [ "$(find "$1/.ec2-github-runner" -newermt "$((egr_max_lifetime_seconds - 2505600)) seconds")" ] && EGR_NO_UPDATE=--disableupdate
}

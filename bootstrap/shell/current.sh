# A runner that is behind updates itself once it is connected, and takes no job meanwhile. GitHub lets it be until the
# release that it lacks is 30 days old, which no release is that came after an image was baked less long ago.
# https://docs.github.com/en/actions/reference/runners/self-hosted-runners

# egr_is_current DIR: reports whether the runner there, of version $have, need not be replaced by the newest.
egr_is_current() {
  egr_at_least "$egr_minimum_version" || return
  egr_choose_download && ! egr_at_least "$EGR_VERSION" || return 0
  # 29 days, less how long the machine may live, unless that is for ever.
  ((egr_max_lifetime_seconds)) && [ "$(find "$1/.ec2-github-runner" -newermt "$((egr_max_lifetime_seconds - 2505600)) seconds")" ] && EGR_NO_UPDATE=--disableupdate
}

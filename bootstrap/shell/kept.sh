# How long a machine stays whose runner has ended, where the instance metadata shows its tags: until the time in one of
# them, once a stop has written it there. The tag may be late, and may be changed.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html

# egr_is_over_limit NAME SECONDS: as in watch.sh, with the tag's time in place of the limit where there is one.
egr_is_over_limit() {
  local at
  if [ "$1" = egr_keep_ended_seconds ] && ((EGR_UPTIME >= asked)); then
    asked=$((EGR_UPTIME + 10))
    : "${kept:=$egr_keep_ended_seconds}"
    at=$(egr_get_metadata tags/instance/ec2-github-runner:kept-until)
    # 22: there is no such tag. What could not be read stays as it was.
    case $? in
      0 | 22) egr_keep_ended_seconds=$kept ;;
    esac
    # No stop gives much more than an hour.
    [[ $at = 20*Z ]] && at=$(date -d "$at" +%s) && at=$((at - $(date +%s))) && ((at < 4000)) && egr_keep_ended_seconds=$(($2 + (at > 0 ? at : 0)))
  fi
  (($1 && $2 >= $1))
}

# How long a machine stays after its runner has ended, if the instance metadata contains its tags: until the time in a
# tag that a stop writes. The tag may come late, and may change.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html

# egr_is_over_limit NAME SECONDS: as in watch.sh, with the tag's time instead of the limit if there is one.
egr_is_over_limit() {
  local at
  if [ "$1" = egr_keep_ended_seconds ] && ((EGR_UPTIME >= asked)); then
    asked=$((EGR_UPTIME + 10))
    : "${kept:=$egr_keep_ended_seconds}"
    at=$(egr_get_metadata tags/instance/ec2-github-runner:kept-until)
    # 22: there is no such tag. If it cannot be read, the last value remains.
    case $? in
      0 | 22) egr_keep_ended_seconds=$kept ;;
    esac
    # A stop writes at most an hour.
    [[ $at = 20*Z ]] && at=$(date -d "$at" +%s) && at=$((at - $(date +%s))) && ((at < 4000)) && egr_keep_ended_seconds=$(($2 + (at > 0 ? at : 0)))
  fi
  (($1 && $2 >= $1))
}

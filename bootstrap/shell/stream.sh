# The download itself. Where a long script needs the room, one that does not resume takes its place.

# egr_stream: the download's bytes, going on where a dropped connection ended.
egr_stream() {
  local at=0 said
  exec 3>&1
  until said=$(curl -fsSL --connect-timeout 10 --speed-limit 1000 --speed-time 20 -r $at- -o /dev/fd/3 -w '%{http_code} %{size_download}' \
    -H @- "$EGR_URL" <<<"${egr_download_token:+Authorization: Bearer $egr_download_token}"); do
    # 23: the reader is gone. What the server refused, it refuses again.
    [ $? != 23 ] || return
    case $said in
      408* | 429*) ;;
      4*) echo "GET $EGR_URL: HTTP ${said% *}" >/run/ec2-github-runner/why && return 1 ;;
    esac
    said=${said#* }
    at=$((at + ${said%.*}))
    # No network is not the end of it: how long a start may take, the watchdog knows.
    sleep 1
  done
  # A server that answers with the whole when asked for the rest has spoilt the stream.
  [ $at = 0 ] || [ "${said% *}" = 206 ]
}

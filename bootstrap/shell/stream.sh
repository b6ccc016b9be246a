# The download itself. Where a long script needs the room, one that does not resume takes its place.

# egr_stream: the download's bytes, going on where a dropped connection ended.
egr_stream() {
  local at=0 said code told
  exec 3>&1
  until said=$(curl -fsSL --connect-timeout 10 -Y 1000 -y 20 -r $at- -o /dev/fd/3 -w '%{http_code} %{size_download}' \
    -H @- "$EGR_URL" 2>/run/ec2-github-runner/curl <<<"${egr_download_token:+Authorization: Bearer $egr_download_token}"); do
    code=$?
    # 23: the reader is gone. What the server refused, it refuses again.
    [ $code != 23 ] || return
    case $said in
      408* | 429*) ;;
      4*) echo "GET $EGR_URL: HTTP ${said% *}" >/run/ec2-github-runner/why && return 1 ;;
    esac
    said=${said#* }
    at=$((at + ${said%.*}))
    # For each cause once, since the console is short. curl's words begin with the code: (6) is no DNS, (7) and (28)
    # are no route, (60) is an unknown authority, (22) is a status. https://curl.se/libcurl/c/libcurl-errors.html
    [ "$told" = $code ] || egr_log "downloading runner $EGR_VERSION: $(head -n 1 /run/ec2-github-runner/curl)" >&2
    told=$code
    # No network is not the end of it: how long a start may take, the watchdog knows.
    sleep 1
  done
  # A server that answers with the whole when asked for the rest has spoilt the stream.
  [ $at = 0 ] || [ "${said% *}" = 206 ]
}

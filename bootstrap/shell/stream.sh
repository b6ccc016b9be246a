# The download. If a long script needs the room, a variant without resumption replaces this chapter.

# egr_stream: prints the download's bytes, and resumes where a connection was dropped.
egr_stream() {
  local at=0 said code told
  exec 3>&1
  until said=$(curl -fsSL --connect-timeout 10 -Y 1000 -y 20 -r $at- -o /dev/fd/3 -w '%{http_code} %{size_download}' \
    -H @- "$EGR_URL" 2>/run/ec2-github-runner/curl <<<"${egr_download_token:+Authorization: Bearer $egr_download_token}"); do
    code=$?
    # 23: the reader has exited. What the server has refused, it refuses again.
    [ $code != 23 ] || return
    case $said in
      408* | 429*) ;;
      4*) echo "GET $EGR_URL: HTTP ${said% *}" >/run/ec2-github-runner/why && return 1 ;;
    esac
    said=${said#* }
    at=$((at + ${said%.*}))
    # Each cause is logged once, since the console is short. curl's messages begin with the code: (6) no DNS, (7) and
    # (28) no route, (60) unknown authority, (22) HTTP status. https://curl.se/libcurl/c/libcurl-errors.html
    [ "$told" = $code ] || egr_log "downloading runner $EGR_VERSION: $(head -n 1 /run/ec2-github-runner/curl)" >&2
    told=$code
    # A missing network is not final: the watchdog limits how long a start may take.
    sleep 1
  done
  # A server that sends the whole file when asked for the rest has corrupted the stream.
  [ $at = 0 ] || [ "${said% *}" = 206 ]
}

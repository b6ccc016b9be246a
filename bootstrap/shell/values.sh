# The values above are base64, so that no byte in them can mean anything to a shell.

# egr_decode NAME...: of the variables that hold them; false if one cannot be decoded. One by one: Ubuntu 25.10's
# base64 (uutils 0.2) refuses padding in mid-stream.
egr_decode() {
  # Bytes, not letters: bash drops some bytes that are no letters.
  local key LC_ALL=C
  for key; do IFS= read -rd '' "$key" < <(base64 -d <<<"${!key}" && printf '\0') || return; done
}

# egr_print_part NAME: the text that follows this script's last line, byte for byte.
egr_print_part() {
  local part=part_$1 from length decode
  read -r from length decode <<<"${!part}"
  tail -c "$from" /run/ec2-github-runner/boot | head -c "$length" | $decode
}

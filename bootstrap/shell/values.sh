# The values above are base64, so that no byte in them can mean anything to a shell.

# egr_decode NAME...: of the variables that hold them.
egr_decode() {
  # Bytes, not letters: bash drops some bytes that are no letters.
  local key LC_ALL=C
  # All by one program, with a NUL (AA==) after each.
  while [ $# != 0 ] && IFS= read -rd '' "$1"; do shift; done < <(for key; do printf '%s\nAA==\n' "${!key}"; done | base64 -d)
}

# egr_part NAME: the text that follows this script's last line, byte for byte.
egr_part() {
  local part=part_$1 from length decode
  read -r from length decode <<<"${!part}"
  tail -c "$from" /run/ec2-github-runner/boot | head -c "$length" | $decode
}

# The values above are base64, so that none of their bytes means anything to a shell.

# egr_decode NAME...: decodes variables in place; returns false if one cannot be decoded. One by one, since the base64
# of Ubuntu 25.10 (uutils 0.2) refuses padding within the input.
egr_decode() {
  # Bytes rather than characters: bash drops invalid characters.
  local key LC_ALL=C
  for key; do IFS= read -rd '' "$key" < <(base64 -d <<<"${!key}" && printf '\0') || return; done
}

# egr_print_part NAME: prints the text after this script's last line, byte for byte.
egr_print_part() {
  local part=part_$1 from length decode
  read -r from length decode <<<"${!part}"
  tail -c "$from" /run/ec2-github-runner/boot | head -c "$length" | $decode
}

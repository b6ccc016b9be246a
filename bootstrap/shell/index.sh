# Machines that one call launched share a name and append their launch index, which only the metadata service knows.

# shellcheck disable=SC2034 # egr_register_runner calls it
EGR_ADD_INDEX=egr_add_index

# egr_add_index: appends the index to the caller's $name.
egr_add_index() { name+=-$(egr_get_metadata ami-launch-index) || egr_fail 'no metadata service'; }

# Machines that one call launched have one name with the number of each behind it, which only the metadata service
# knows.

# shellcheck disable=SC2034 # egr_register_runner calls it
EGR_ADD_INDEX=egr_add_index

# egr_add_index: to name, which is the caller's.
egr_add_index() { name+=-$(egr_get_metadata ami-launch-index) || egr_fail 'no metadata service'; }

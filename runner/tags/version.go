package tags

import (
	"slices"
	"strconv"
	"strings"
)

// IsOlder reports whether version a, such as 2.330.0, is older than b; a part that is not a number counts as 0.
func IsOlder(a, b string) bool {
	numbers := func(version string) (list [3]int) {
		for i, text := range strings.SplitN(version, ".", 3) {
			list[i], _ = strconv.Atoi(text)
		}
		return list
	}
	x, y := numbers(a), numbers(b)
	return slices.Compare(x[:], y[:]) < 0
}

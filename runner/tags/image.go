package tags

import (
	"slices"
	"strconv"
	"strings"
)

// RunnerVersion stands on images made by this action: the version of the runner in them.
const RunnerVersion = Prefix + "runner-version"

// Architecture stands on images made by this action: amd64, arm64 or cuda.
const Architecture = Prefix + "architecture"

// System stands on images made by this action: the operating system of the image that they were made from, where
// it is known.
const System = Prefix + "system"

// IsOlder compares versions such as 2.330.0; what is no number counts as 0.
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

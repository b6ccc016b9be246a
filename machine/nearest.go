package machine

import (
	"slices"
	"strings"
)

// Nearest returns the name that the given one is most likely a misspelling of, or "".
func Nearest(name string, names []string) string {
	plain := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(name))
	near, changes := "", 0
	for _, known := range slices.Sorted(slices.Values(names)) {
		n := distance(plain, known)
		// Two changes turn almost any name of three letters into any other.
		if n <= min(max(2, len(known)/3), len(known)/2) && (near == "" || n < changes) {
			near, changes = known, n
		}
	}
	return near
}

// distance returns the number of letters to change, remove, insert or swap with the next one to turn a into b (optimal
// string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

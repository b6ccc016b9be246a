package simulator

import (
	"strings"
	"testing"
)

func TestLongBase64(t *testing.T) {
	long := strings.Repeat("aB3+/", 200)
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"none", "a short word, and others", ""},
		{"one letter too short", long[1:] + "==", ""},
		{"all of the text", long, long},
		{"in a line of shell", "jit='" + long + "'\nexit", long},
		{"with padding", "x " + long + "=\n", long + "="},
		{"with more than padding", long + "===", long + "=="},
		{"the first of two", "a=" + long + "==' b=c" + long, long + "=="},
	} {
		if got := longBase64(c.text); got != c.want {
			t.Errorf("%s: %d letters, want %d", c.name, len(got), len(c.want))
		}
	}
}

package existing

import (
	"strings"
	"testing"
	"time"
)

// TestOwnership: looks at a nonce after our own write in, whose the machine is out. A letter is a look each second: o
// the old one, u ours, a another's.
func TestOwnership(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		looks string
		want  writer
		after int // looks
	}{
		{"uu", writerUs, 2},
		{"ouuu", writerUs, 3},
		{"oooo" + "uuuuuuu", writerUs, 9},             // shown after 4 s, so it is shown for 4 s more
		{"oooouuuaa", writerAnother, 9},               // another wrote after us, before ours showed
		{"uaa", writerAnother, 3},                     // and soon
		{"aaaa" + "uuuuuuuuu", writerUs, 9},           // another was first, and the later one has it
		{"aaaaaaaaaaaaaaaaaaa", writerAnother, 13},    // ours was overwritten before it showed
		{"ouououou", writerUnclear, 8},                // EC2 shows now this, now that
		{"uoaouauu", writerUs, 8},                     // and settles
		{strings.Repeat("o", 30), writerUnclear, 30},  // an old value is never "lost"
		{"uauu", writerUs, 4},                         // one look at another's is none
		{"oooooooooo" + "uuuuuuuuuuuu", writerUs, 21}, // ten seconds late
		{"oooooooooo" + "uuuuuuuu" + "aa", writerAnother, 20},
	} {
		written := time.Unix(0, 0)
		o := ownership{ours: "u", before: "o", written: written}
		got, after := writerUnclear, 0
		for n, look := range c.looks {
			got, after = o.saw(string(look), written.Add(time.Duration(n)*time.Second)), n+1
			if got != writerUnclear {
				break
			}
		}
		if got != c.want || after != c.after {
			t.Errorf("%s: %d after %d looks, want %d after %d", c.looks, got, after, c.want, c.after)
		}
	}
}

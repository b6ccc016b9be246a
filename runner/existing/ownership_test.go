package existing

import (
	"strings"
	"testing"
	"time"
)

// TestOwnership: reads of a nonce after our own write decide whose the machine is. Each letter is the nonce read in one
// second: o the old one, u ours, a another's.
func TestOwnership(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		looks string
		want  writer
		after int // reads
	}{
		{"uu", writerUs, 2},
		{"ouuu", writerUs, 3},
		{"oooo" + "uuuuuuu", writerUs, 9},             // it appeared after 4 s, so it must be shown for 4 s more
		{"oooouuuaa", writerAnother, 9},               // another wrote after us, before ours showed
		{"uaa", writerAnother, 3},                     // the same, early
		{"aaaa" + "uuuuuuuuu", writerUs, 9},           // another wrote first, so the later one owns it
		{"aaaaaaaaaaaaaaaaaaa", writerAnother, 13},    // ours was overwritten before it appeared
		{"ouououou", writerUnclear, 8},                // EC2 alternates
		{"uoaouauu", writerUs, 8},                     // the same, but it settles
		{strings.Repeat("o", 30), writerUnclear, 30},  // stale tags never mean "lost"
		{"uauu", writerUs, 4},                         // a single read of another's does not count
		{"oooooooooo" + "uuuuuuuuuuuu", writerUs, 21}, // ten seconds late
		{"oooooooooo" + "uuuuuuuu" + "aa", writerAnother, 20},
	} {
		written := time.Unix(0, 0)
		o := ownership{ours: "u", before: "o", written: written}
		got, after := writerUnclear, 0
		for n, look := range c.looks {
			got, after = o.observe(string(look), written.Add(time.Duration(n)*time.Second)), n+1
			if got != writerUnclear {
				break
			}
		}
		if got != c.want || after != c.after {
			t.Errorf("%s: %d after %d looks, want %d after %d", c.looks, got, after, c.want, c.after)
		}
	}
}

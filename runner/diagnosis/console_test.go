package diagnosis

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestNewText: each piece of a console is shown once, even if EC2 has dropped the beginning of what it showed before.
func TestNewText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for n := range 400 {
		fmt.Fprintf(&b, "[%5d] a line of the boot\n", n)
	}
	stream := b.String()
	const window = 4000
	rapid.Check(t, func(t *rapid.T) {
		shown, old, at := "", "", 0
		for at < len(stream) {
			at = min(at+rapid.IntRange(0, window-300).Draw(t, "more"), len(stream))
			text := stream[max(0, at-window):at]
			shown += NewText(old, text)
			old = text
			if shown != stream[:at] {
				t.Fatalf("after %d bytes, %d were shown", at, len(shown))
			}
			if rapid.IntRange(0, 9).Draw(t, "enough") == 0 {
				return
			}
		}
	})
	for _, c := range []struct{ old, text, want string }{
		{"", "a\n", "a\n"}, {"a\n", "a\nb\n", "b\n"}, {"a\n", "a\n", ""}, {"gone", "another machine",
			"another machine"},
		{"a", "", ""},
	} {
		if got := NewText(c.old, c.text); got != c.want {
			t.Errorf("NewText(%q, %q) = %q, want %q", c.old, c.text, got, c.want)
		}
	}
}

// FuzzPrintable: escape sequences and control characters never get through, and no other text is lost.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"\x1b[0;32mok\x1b[0m", "a\rb", "\x1b]0;title\x07x", "\xff\xfe", "\x9b31m",
		"tab\tline\n",
		"\x1b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := Printable(text)
		for _, c := range shown {
			if c != '\n' && c != '\t' && unicode.IsControl(c) {
				t.Fatalf("%q lets %q through", text, c)
			}
		}
		for _, line := range Tail(text, 3) {
			if strings.TrimSpace(line) != line || line == "" {
				t.Fatalf("%q has the line %q", text, line)
			}
		}
	})
}

// TestTail: the last lines, without colours, carriage returns and empty lines.
func TestTail(t *testing.T) {
	t.Parallel()
	text := "one\n\n\x1b[1;31mtwo\x1b[0m\r\n   \nthree"
	for n, want := range map[int][]string{0: {}, 1: {"three"}, 2: {"two", "three"}, 3: {"one", "two", "three"},
		9: {"one", "two", "three"}} {
		if got := Tail(text, n); !cmp.Equal(append([]string{}, got...), want) {
			t.Errorf("last %d: %q, want %q", n, got, want)
		}
	}
}

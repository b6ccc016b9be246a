package action

import (
	"html"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// FuzzHarmless: no plain line contains a log command, whatever the text: GitHub executes "::name::" at the beginning of
// a line, after white space too, and "##[name]" anywhere in it.
func FuzzHarmless(f *testing.F) {
	for _, seed := range []string{"::error::x", " \t::add-mask::x", "a ##[command]x", "x\n::error::y", "x\r::error::y",
		"####[[x", "#\n#[x", "\u2028::x::y", "\x85::x::y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := harmless(text)
		if strings.ContainsAny(line, "\r\n") || strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::") ||
			strings.Contains(line, "##[") {
			t.Errorf("%q becomes %q", text, line)
		}
	})
}

// cells splits a table row as GitHub's Markdown does: a bar ends a cell even within backticks, unless a backslash that
// is not itself escaped stands before it. https://github.github.com/gfm/#tables-extension-
func cells(row string) []string {
	list := []string{""}
	escaped := false
	for _, c := range row {
		last := &list[len(list)-1]
		switch {
		case c == '|' && !escaped:
			list = append(list, "")
			continue
		case c == '\\' && !escaped:
			escaped = true
		default:
			escaped = false
		}
		*last += string(c)
	}
	return list
}

// tricky draws texts full of characters that have a meaning in Markdown, HTML and tables.
func tricky() *rapid.Generator[string] {
	return rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("`|\\<>&*_[]()#~$@!\n\r \t:-'\"a1é日")), rapid.Rune()))
}

// TestCode: a value stays within its cell and its line, and is shown as it is.
func TestCode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := tricky().Draw(t, "text")
		shown := code(text)
		if strings.ContainsAny(shown, "\r\n") || len(cells(shown)) != 1 {
			t.Fatalf("%q breaks its row: %q", text, shown)
		}
		want := strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
		var got string
		switch {
		case text == "":
			want, got = "–", shown
		case strings.HasPrefix(shown, "`"):
			got = strings.Trim(shown, "`")
		default:
			inner := strings.TrimSuffix(strings.TrimPrefix(shown, "<code>"), "</code>")
			if strings.ContainsAny(inner, "<>`*_[]|\\") {
				t.Fatalf("%q: Markdown or HTML in %q", text, inner)
			}
			got = html.UnescapeString(inner)
		}
		if got != want {
			t.Fatalf("%q is shown as %q", want, got)
		}
	})
}

// TestPlain: prose stays within its cell and its line, and holds no HTML, link, mention or formula.
func TestPlain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := tricky().Draw(t, "text")
		shown := plain(text)
		if strings.ContainsAny(shown, "\r\n<>@") || len(cells(shown)) != 1 {
			t.Fatalf("%q becomes %q", text, shown)
		}
		for i, c := range shown {
			if strings.ContainsRune("`*_[]|~$", c) && (i == 0 || shown[i-1] != '\\') {
				t.Fatalf("%q: %q is not escaped in %q", text, c, shown)
			}
		}
	})
}

// TestFence: a block ends where it should, whatever is in it.
func TestFence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := tricky().Draw(t, "text")
		var b strings.Builder
		fence(&b, "text", text)
		opening, rest, _ := strings.Cut(b.String(), "\n")
		ticks := strings.TrimSuffix(opening, "text")
		body := strings.TrimSuffix(rest, "\n"+ticks+"\n\n")
		if body != text || strings.Contains(body, ticks) || len(ticks) < 3 {
			t.Fatalf("%q becomes %q", text, b.String())
		}
	})
}

// TestLeadingNumber reads as JavaScript's parseInt does.
func TestLeadingNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		n         int64
		ok, exact bool
	}{
		"10": {10, true, true}, "10s": {10, true, false}, "-3": {-3, true, true}, "+7": {7, true, true},
		"1.5": {1, true, false}, "1e3": {1, true, false},
		"": {}, "s10": {}, "-": {}, "--1": {}, "99999999999999999999": {0, false, true},
	} {
		n, ok, exact := leadingNumber(text)
		if ok != want.ok || (ok && (n != want.n || exact != want.exact)) {
			t.Errorf("%q: %d %t %t, want %+v", text, n, ok, exact, want)
		}
	}
}

package simulator

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWildcard holds wildcard against a regular expression of the same meaning.
func TestWildcard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "text")
		meaning := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		if got, want := wildcard(pattern, text), meaning.MatchString(text); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, text, got, want)
		}
	})
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{{`a\*`, "a*", true}, {`a\*`, "ab", false}, {`*\?`, "what?", true}, {``, ``, true}, {``, `a`, false},
		{`é?`, "éé", true}} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

// TestUserDataRoundTrip shows that any value arrives through an egr line, whatever stands around it.
func TestUserDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, token := rapid.String().Draw(t, "name"), rapid.StringN(1, -1, -1).Draw(t, "token")
		before := rapid.StringMatching(`[a-z \n"$]{0,20}`).Draw(t, "before")
		text := before + "\negr_name=" + base64.StdEncoding.EncodeToString([]byte(name)) + "\negr_token=" +
			base64.StdEncoding.EncodeToString([]byte(token)) + "\n echo egr_name=bm8=\n"
		if s := readUserData(text, 0); s.name != name || s.token != token || !s.registers() {
			t.Fatalf("read %q and %q, want %q and %q", s.name, s.token, name, token)
		}
	})
}

// FuzzUserData shows that no user data upsets a machine.
func FuzzUserData(f *testing.F) {
	for _, seed := range []string{"", "\x1f\x8b", "egr_labels=\n",
		"./config.sh --name 'a b' --labels \"x,y\" --token T --url=https://x", "egr_max_lifetime_seconds=eA=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if s := readUserData(data, 1); s.registers() && s.token == "" && s.jit == "" {
			t.Errorf("%q registers with nothing", data)
		}
	})
}

// FuzzForm shows that lists and groups of any form hold together.
func FuzzForm(f *testing.F) {
	f.Add("Filter.1.Name=a&Filter.1.Value.1=b&Filter.2.Name=c")
	f.Add("a.1=x&a.10=y&a.2=z")
	f.Fuzz(func(t *testing.T, body string) {
		parsed, err := parseForm([]byte(body))
		if err != nil {
			return
		}
		for _, name := range parsed.top() {
			if !slices.IsSorted(parsed.indices(name)) || len(parsed.list(name)) > len(parsed.indices(name)) ||
				len(parsed.group(name)) != len(parsed.indices(name)) {
				t.Errorf("%q does not hold together at %q", body, name)
			}
		}
	})
}

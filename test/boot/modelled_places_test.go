package boot

import (
	"fmt"
	"regexp"
	"testing"
)

// TestModelledPlaces: each behaviour of the stand-in runner has a unique name, a script that checks it, and a place in
// a release of actions/runner: a file, and lines that exist in it.
func TestModelledPlaces(t *testing.T) {
	t.Parallel()
	release, commit := regexp.MustCompile(`^v2\.\d+\.\d+$`), regexp.MustCompile(`^[0-9a-f]{40}$`)
	if !release.MatchString(modelledTag) || !commit.MatchString(modelledCommit) {
		t.Errorf("no release of actions/runner: %s, commit %s", modelledTag, modelledCommit)
	}
	if len(behaviours) < 50 {
		t.Errorf("only %d behaviours", len(behaviours))
	}
	names, files := map[string]bool{}, map[string]bool{}
	for _, m := range behaviours {
		if m.what == "" || names[m.what] || m.script == "" {
			t.Errorf("%q: no name or script of its own", m.what)
		}
		if m.says == "" && m.event == "" && m.code == 0 {
			t.Errorf("%s: nothing is expected", m.what)
		}
		names[m.what], files[m.file] = true, true
		first, last := lines(m.lines)
		if first < 1 || last < first || last > lengths[m.file] {
			t.Errorf("%s: %s at %s has %d lines, and none %s", m.what, m.file, modelledTag, lengths[m.file], m.lines)
		}
	}
	for file := range lengths {
		if !files[file] {
			t.Errorf("no behaviour is of %s", file)
		}
	}
}

// lines parses FIRST-LAST, or one number for both.
func lines(text string) (first, last int) {
	if n, _ := fmt.Sscanf(text, "%d-%d", &first, &last); n == 1 {
		last = first
	}
	return first, last
}

package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage: docs/scale-sets.md has every key of the file, in the file's order, and no other. -update writes those of a
// machine.
func TestPage(t *testing.T) {
	t.Parallel()
	const path = "../../docs/scale-sets.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	between := func(mark string) string {
		_, rest, _ := strings.Cut(string(raw), "<!-- "+mark+" -->")
		text, _, closed := strings.Cut(rest, "<!-- /"+mark+" -->")
		if !closed {
			t.Fatalf("docs/scale-sets.md has no marks for %s", mark)
		}
		return text
	}
	var told, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(between("keys"), -1) {
		told = append(told, row[1])
	}
	for _, key := range []struct {
		name   string
		within []string
	}{{keyGitHub, GitHubKeys}, {keyRegion, nil}, {keyListen, nil}, {keyHosts, nil}, {keySets, SetKeys}} {
		want = append(want, key.name)
		for _, inner := range key.within {
			want = append(want, key.name+"."+inner)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(told))); diff != "" {
		t.Errorf("the keys of the file (-) and of the page (+):\n%s", diff)
	}
	switch got, want := between("machine"), "`"+strings.Join(MachineKeys(), "`, `")+"`"; {
	case got == want:
	case *update:
		text := strings.Replace(string(raw), got+"<!-- /machine -->", want+"<!-- /machine -->", 1)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the keys of a machine are\n%s\nand the page has\n%s\n(-update writes it)", want, got)
	}
	if len(FileKeys) != 5 {
		t.Errorf("the file has the keys %v", FileKeys)
	}
}

package boot

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaults: every test in the README's table of faults exists, and every row names one.
func TestFaults(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, scripts := repositoryTests(t)
	row := regexp.MustCompile(`(?m)^\| (.+?) \| (.+) \|$`)
	name := regexp.MustCompile("`([^`]+)`")
	_, section, _ := strings.Cut(string(readme), "\n## Faults and their tests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := row.FindAllStringSubmatch(section, -1)[2:]
	if len(rows) < 12 {
		t.Errorf("the table has %d faults", len(rows))
	}
	for _, r := range rows {
		names := name.FindAllStringSubmatch(r[2], -1)
		if len(names) == 0 {
			t.Errorf("%s: no test", r[1])
		}
		for _, n := range names {
			test, scenario, _ := strings.Cut(n[1], "/")
			text, found := tests[test]
			switch {
			case scripts[n[1]]:
			case !found:
				t.Errorf("%s: there is no test %s", r[1], test)
			case scenario != "" && !strings.Contains(text, `"`+scenario+`"`):
				t.Errorf("%s: %s has no case %q", r[1], test, scenario)
			}
		}
	}
}

// repositoryTests returns the repository's Go tests, each with the text of its file, and its scripts.
func repositoryTests(t *testing.T) (tests map[string]string, scripts map[string]bool) {
	t.Helper()
	tests, scripts = map[string]string{}, map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(path, ".txtar"):
			scripts[filepath.Base(path)] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				tests[m[1]] = string(text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, scripts
}

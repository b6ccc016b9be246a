package loop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// project returns a work tree of its own with scripts/green, a package, and pages.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join(root, "scripts", "green"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "scripts/green", string(script))
	if err := os.Chmod(filepath.Join(dir, "scripts", "green"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"bootstrap/a.go", "test/boot/b.go", "docs/page.md", "runner/c.go"} {
		write(t, dir, file, "package x\n")
	}
	if out, err := exec.Command("git", "init", "--quiet", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return dir
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKeyFollowsFiles: a part's key changes with each file that it depends on, by content, name and mode, and with no
// other.
func TestKeyFollowsFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(t *testing.T, dir string)
		changes bool
	}{
		{"nothing", func(*testing.T, string) {}, false},
		{"a page", func(t *testing.T, dir string) { write(t, dir, "docs/page.md", "other\n") }, false},
		{"a package that no boot reads", func(t *testing.T, dir string) { write(t, dir, "runner/c.go", "package y\n") },
			false},
		{"a file's text", func(t *testing.T, dir string) { write(t, dir, "bootstrap/a.go", "package y\n") }, true},
		{"a new file", func(t *testing.T, dir string) { write(t, dir, "bootstrap/new.sh", "") }, true},
		{"a file in an unexpected place", func(t *testing.T, dir string) { write(t, dir, "new/d", "") },
			true},
		{"a file that is gone", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "test/boot/b.go")); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a file's name", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "bootstrap/a.go"),
				filepath.Join(dir, "bootstrap/e.go")); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a file's mode", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "bootstrap/a.go"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t)
			before := green(t, dir, "key", "boot")[0]
			c.change(t, dir)
			if after := green(t, dir, "key", "boot")[0]; (after != before) != c.changes {
				t.Errorf("the key was %s and is now %s", before, after)
			}
		})
	}
}

// TestRecord: a key that was never green has no record, and a record is valid for its own key only.
func TestRecord(t *testing.T) {
	t.Parallel()
	dir, cache := project(t), t.TempDir()
	since := func() (string, error) {
		cmd := exec.Command("scripts/green", "since", "boot")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "EGR_CACHE="+cache)
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if got, err := since(); err == nil {
		t.Errorf("never green, but recorded since %q", got)
	}
	cmd := exec.Command("scripts/green", "record", green(t, dir, "key", "boot")[0])
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "EGR_CACHE="+cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("record: %v\n%s", err, out)
	}
	if got, err := since(); err != nil || len(got) != len("2026-01-02 15:04:05") {
		t.Errorf("just green, but not recorded: %q, %v", got, err)
	}
	write(t, dir, "bootstrap/a.go", "package y\n")
	if got, err := since(); err == nil {
		t.Errorf("these files were never green, but recorded since %q", got)
	}
}

//go:build real

package act

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// project is the root of the tree.
const project = "../.."

// TestMain demands the engine: without one nothing here would be proven.
func TestMain(m *testing.M) {
	if os.Getenv("DOCKER_HOST") == "" {
		os.Stderr.WriteString("DOCKER_HOST is not set: run this by scripts/engine with\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// output is what a program printed and its exit code.
type output struct {
	text string
	code int
}

// run lets a program run for so long at most. Both streams come in one text.
func run(t *testing.T, limit time.Duration, dir, name string, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0", "DOCKER_CLI_HINTS=false")
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("run %s %s: not done after %v:\n%s", name, strings.Join(args, " "), limit, text)
	}
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // exec returns it bare
		return output{string(text), exit.ExitCode()}
	}
	if err != nil {
		t.Fatalf("run %s %s: %v:\n%s", name, strings.Join(args, " "), err, text)
	}
	return output{string(text), 0}
}

// must is run for what has to succeed; it returns the trimmed text.
func must(t *testing.T, limit time.Duration, dir, name string, args ...string) string {
	t.Helper()
	out := run(t, limit, dir, name, args...)
	if out.code != 0 {
		t.Fatalf("run %s %s: exit code %d:\n%s", name, strings.Join(args, " "), out.code, out.text)
	}
	return strings.TrimSpace(out.text)
}

// baseImage makes the image scripts/engine knows by name and returns its tag, the last line printed.
func baseImage(t *testing.T, name string) string {
	t.Helper()
	lines := strings.Split(must(t, 20*time.Minute, project, "scripts/engine", "image", name), "\n")
	return lines[len(lines)-1]
}

// checkout copies the work tree, as git would commit it, into a repository of its own.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range strings.Split(must(t, time.Minute, project, "git", "ls-files", "-co", "--exclude-standard"),
		"\n") {
		source, err := os.ReadFile(filepath.Join(project, file))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(project, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), source, info.Mode().Perm())
	}
	must(t, time.Minute, dir, "git", "init", "--quiet", "--initial-branch=main")
	must(t, time.Minute, dir, "git", "add", "--all")
	must(t, time.Minute, dir, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet",
		"--message=test")
	return dir
}

func write(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
}

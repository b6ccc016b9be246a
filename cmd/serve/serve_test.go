package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArguments: what is no use of the program is refused with its usage, and nothing is served.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{nil, exitInvalid, "", usage},
		{[]string{"a.yml", "b.yml"}, exitInvalid, "", usage},
		{[]string{"-config", "a.yml"}, exitInvalid, "", usage},
		{[]string{"-verbose"}, exitInvalid, "", usage},
		{[]string{"-help"}, exitDone, usage, ""},
		{[]string{"-version"}, exitDone, versionOf() + "\n", ""},
		{[]string{"/nowhere/sets.yml"}, exitInvalid, "",
			"/nowhere/sets.yml: no such file or directory\n  hint: give the " +
				"path of a file of scale sets, for example /etc/ec2-github-runner/sets.yml\n"},
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), edge{args: c.args, stdout: &stdout, stderr: &stderr})
		if code != c.code || stdout.String() != c.stdout || stderr.String() != c.stderr {
			t.Errorf("%q: got %d, %q and %q, want %d, %q and %q", c.args, code, &stdout, &stderr, c.code, c.stdout,
				c.stderr)
		}
	}
}

// TestBadReload: a file that cannot be served changes nothing and is said; the end of the serving ends the wait.
func TestBadReload(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sets.yml")
	if err := os.WriteFile(name, []byte("scale-sets: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, reload := make(chan error), make(chan os.Signal)
	go func() {
		reload <- os.Interrupt
		ended <- context.Canceled
	}()
	var said strings.Builder
	file, err := waitForReload(ended, reload, name, jsonLog(&said))
	if file != nil || err != nil {
		t.Errorf("got %v and %v", file, err)
	}
	for _, part := range []string{"nothing is changed", "the file has no scale sets", `"line":1`,
		"which GitHub to serve"} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%q is not said: %s", part, &said)
		}
	}
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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

// TestUserDataTooLarge: a script that no machine can be given is refused before anything is asked for.
func TestUserDataTooLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "sets.yml")
	noise := make([]byte, 30_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		name: "github: {url: 'http://127.0.0.1:1/o/r', token-file: token}\nregion: eu-west-1\nscale-sets:\n- name: " +
			"big\n  " +
			"max: 1\n  machine: {architecture: amd64, subnet-id: s, security-group-id: g, setup-script: setup.sh}\n",
		filepath.Join(dir, "token"): "ghp_demo", filepath.Join(dir, "setup.sh"): ": " + hex.EncodeToString(noise),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{name}, {"check", name}} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), edge{args: args, stdout: &stdout, stderr: &stderr})
		if want := name + `:4: the user data of scale set "big"'s machine is too large`; code != exitInvalid ||
			!strings.HasPrefix(stderr.String(), want) || !strings.Contains(stderr.String(),
			"\n  hint: make setup-script") {
			t.Errorf("got %d, %s and %s, want %s", code, &stdout, &stderr, want)
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

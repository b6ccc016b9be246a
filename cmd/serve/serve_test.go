package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		{[]string{"delete", "a.yml"}, exitInvalid, "", usage},
		{[]string{"delete", "-dry-run", "a.yml"}, exitInvalid, "", usage},
		{[]string{"delete", "-force", "set", "a.yml"}, exitInvalid, "", usage},
		{[]string{"delete", "", "a.yml"}, exitInvalid, "", usage},
		{[]string{"delete", "no set", "a.yml"}, exitInvalid, "", usage},
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
		name: "github: {url: 'http://127.0.0.1:1/o/r', token-file: token}\nregion: eu-west-1\nscale-sets:\n" +
			"- name: big\n  max: 1\n" +
			"  machine: {architecture: amd64, subnet-id: s, security-group-id: g, setup-script: setup.sh}\n",
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

// TestBadReload: a file that cannot be served changes nothing, is said with its line, and is kept for the page.
func TestBadReload(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sets.yml")
	if err := os.WriteFile(name, []byte("scale-sets: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	r := &reloader{name: name, log: jsonLog(&said)} // without a server to change
	r.keep(r.reload())
	for _, part := range []string{"nothing is changed", "the file has no scale sets", `"line":1`,
		"which GitHub to serve"} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%q is not said: %s", part, &said)
		}
	}
	if r.last.At.IsZero() || !strings.Contains(r.last.Problem, "sets.yml:1: the file has no scale sets") {
		t.Errorf("kept %+v", r.last)
	}
}

// TestShow: an address that another process has is tried again, and is said once.
func TestShow(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var said strings.Builder
	show(ctx, taken.Addr().String(), http.NotFoundHandler(), jsonLog(&said))
	if strings.Count(said.String(), "not shown") != 1 || !strings.Contains(said.String(), "address already in use") {
		t.Errorf("said %s", &said)
	}
}

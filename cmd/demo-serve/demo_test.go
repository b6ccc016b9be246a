package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// TestFile: the demo's file can be served without warnings.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"sets.yml": sets("http://127.0.0.1:1"), "token": "ghp_demo"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, warnings, err := config.Read(filepath.Join(dir, "sets.yml"))
	if err != nil || len(warnings) > 0 || len(file.Sets) != 2 || file.Sets[0].Max+file.Sets[1].Max >= jobs {
		t.Errorf("got %+v, warnings %v, error %v", file, warnings, err)
	}
}

// TestReadable: a line of the log is the time, the set, the message and what it is about; what is no JSON stays.
func TestReadable(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"level":"INFO","msg":"job ` +
			`started","set":"gpu","runner":"r-1","machine":"i-1","run":4711,"took":""}`: "  1.5 s  gpu        job " +
			"started: r-1, i-1, 4711",
		`{"level":"INFO","msg":"job completed","set":"gpu","runner":"r-1","took":"3s"}`: "  1.5 s  gpu        job " +
			"completed: r-1, took 3s",
		`{"level":"WARN","msg":"no capacity","set":"ec2-amd64","error":"x","hint":"y"}`: "\x1b[33m  1.5 s  ec2-amd64 " +
			" no capacity: x, y\x1b[0m",
		"panic: x": "panic: x",
	} {
		if got := readable(line, 1500*time.Millisecond); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestShow: lines that come in pieces are shown whole.
func TestShow(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &show{out: &out, begun: time.Now()}
	for _, part := range []string{`{"msg":"a`, "b\"}\nplain", "\n"} {
		if _, err := s.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); !strings.HasSuffix(got, "  ab\nplain\n") {
		t.Errorf("got %q", got)
	}
}

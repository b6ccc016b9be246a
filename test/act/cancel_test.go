//go:build real

package act

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// interrupted runs a command on a terminal of its own, types Ctrl+C when its output matches, and returns the rest. act
// hands the Ctrl+C of its terminal on to a step's process only if it has a terminal.
func interrupted(t *testing.T, limit time.Duration, dir string, marker *regexp.Regexp, words []string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for i, word := range words {
		words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	cmd := exec.CommandContext(ctx, "script", "--quiet", "--return", "--flush", "--command", "exec "+
		strings.Join(words, " "), "/dev/null")
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, os.Environ(), 5*time.Second
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	watch := &watch{marker: marker, seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = watch, watch
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-watch.seen:
		if _, err := io.WriteString(keys, "\x03"); err != nil {
			t.Error(err)
		}
		err = <-ended
	case err = <-ended:
		t.Errorf("it ended before it wrote %s", marker)
	}
	if ctx.Err() != nil {
		t.Fatalf("run %s: not done after %v:\n%s", words[0], limit, watch.text())
	}
	out := output{text: strings.ReplaceAll(watch.text(), "\r\n", "\n")}
	if err != nil {
		out.code = cmd.ProcessState.ExitCode()
	}
	return out
}

// watch keeps what is written, and says once that it matches.
type watch struct {
	marker *regexp.Regexp
	seen   chan struct{}

	mu    sync.Mutex
	all   bytes.Buffer
	found bool
}

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if !w.found && w.marker.Match(w.all.Bytes()) {
		w.found = true
		close(w.seen)
	}
	return len(p), nil
}

func (w *watch) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

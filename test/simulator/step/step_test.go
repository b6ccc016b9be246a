package step_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// TestStep runs a shell as the program: it sees its inputs, writes outputs, and its exit code comes back.
func TestStep(t *testing.T) {
	t.Parallel()
	server, err := simulator.Listen(simulator.New(simulator.Defaults()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	program := `printf 'label<<EOF\n%s\nEOF\n' "$(tr '\0' '\n' </proc/$$/environ | sed -n ` +
		`'s/^INPUT_EC2-IMAGE-ID=//p')" >>"$GITHUB_OUTPUT"; echo seen; exit 3`
	r := &step.Runner{Command: []string{"/bin/sh", "-c", program}, Folder: t.TempDir(), Server: server,
		Repository: "demo-org/demo", Run: "1"}
	var log strings.Builder
	running, err := r.Start(t.Context(), "start", map[string]string{"ec2-image-id": "ami-1"}, &log)
	if err != nil {
		t.Fatal(err)
	}
	result, err := running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if result.Exit != 3 || log.String() != "seen\n" || result.Outputs["label"] != "ami-1" || result.MemoryKiB == 0 {
		t.Errorf("got exit %d, log %q, outputs %v, %d KiB", result.Exit, log.String(), result.Outputs, result.MemoryKiB)
	}
}

// TestSignal shows that a signal reaches the program.
func TestSignal(t *testing.T) {
	t.Parallel()
	server, err := simulator.Listen(simulator.New(simulator.Defaults()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ready := &waiting{seen: make(chan struct{})}
	r := &step.Runner{Command: []string{"/bin/sh", "-c",
		`trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`},
		Folder: t.TempDir(), Server: server}
	running, err := r.Start(t.Context(), "start", nil, ready)
	if err != nil {
		t.Fatal(err)
	}
	<-ready.seen
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if result, err := running.Wait(); err != nil || result.Exit != 7 {
		t.Errorf("got exit %d, %v; want 7", result.Exit, err)
	}
}

// waiting returns of the first output.
type waiting struct{ seen chan struct{} }

func (w *waiting) Write(p []byte) (int, error) {
	close(w.seen)
	return len(p), nil
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(path, []byte("a<<X\n1\nX\nb<<Y\none\ntwo\nY\na<<X\n2\nX\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "2", "b": "one\ntwo"}, step.ReadFile(path)); diff != "" {
		t.Error(diff)
	}
	if got := step.ReadFile(path + "-missing"); len(got) != 0 {
		t.Errorf("a file that is not there: got %v", got)
	}
}

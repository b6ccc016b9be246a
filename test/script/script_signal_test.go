package script

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// signals are those that GitHub's runner sends to a step, and SIGKILL.
var signals = map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}

// watcher passes output on, and sends signals at the first line that matches or at a call.
type watcher struct {
	process *exec.Cmd
	at      *regexp.Regexp
	call    string
	acted   bool // the call must have taken effect
	nth     int
	signals []os.Signal
	done    chan struct{}

	mu   sync.Mutex
	out  io.Writer
	seen bytes.Buffer
	sent bool
	from time.Time // the start of the measured time
}

func newWatcher(ts *testscript.TestScript, o stepOptions, out io.Writer, process *exec.Cmd) *watcher {
	w := &watcher{process: process, out: out, call: o.atCall + o.atActed, acted: o.atActed != "",
		nth: number(ts, cmp.Or(o.nth, "1")), done: make(chan struct{})}
	if o.at != "" {
		w.at = compile(ts, o.at)
	}
	for name := range strings.SplitSeq(o.signal, ",") {
		if name == "" {
			continue
		}
		signal, known := signals[name]
		if !known {
			ts.Fatalf("unknown signal %s", name)
		}
		w.signals = append(w.signals, signal)
	}
	return w
}

// begin starts the clock and watches the calls.
func (w *watcher) begin(world *simulator.World) {
	w.mu.Lock()
	w.from = time.Now()
	w.mu.Unlock()
	if w.call == "" {
		return
	}
	before := w.count(world)
	go func() {
		for {
			select {
			case <-w.done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if w.count(world)-before >= w.nth {
				w.send()
				return
			}
		}
	}()
}

func (w *watcher) count(world *simulator.World) int {
	n := 0
	for _, call := range world.Calls() {
		if call.Operation == w.call && (call.Acted || !w.acted) {
			n++
		}
	}
	return n
}

// end returns the time since the signal, or since the beginning without one.
func (w *watcher) end() time.Duration {
	close(w.done)
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.from)
}

func (w *watcher) send() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sendNow()
}

func (w *watcher) sendNow() {
	w.sent, w.from = true, time.Now()
	for _, signal := range w.signals {
		_ = w.process.Process.Signal(signal) // if the process has ended, its exit code shows it
	}
}

// Write implements io.Writer.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at != nil && !w.sent {
		w.seen.Write(p)
		if w.at.Match(w.seen.Bytes()) {
			w.sendNow()
		}
	}
	return w.out.Write(p)
}

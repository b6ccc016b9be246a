package diagnosis

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestBootPhases: the phases of the last boot are parsed, and nothing that only resembles one.
func TestBootPhases(t *testing.T) {
	t.Parallel()
	text := "ec2-github-runner: boot script started (8.1 s)\r\nec2-github-runner: warm: ready (41.2 s)\r\n" +
		"[    0.000000] Linux version 6.12.0\r\n\x1b[32mec2-github-runner: boot script started (4.52 s)\x1b[0m\r\n" +
		"ec2-github-runner: | curl: (7) took (9 s)\r\nec2-github-runner: error: no (5.0 s)\r\nsomebody: starting " +
		"runner (6.0 s)\r\n" +
		"ec2-github-runner: without a time\r\n[   5.1] ec2-github-runner: starting runner (5.5 s)\r\n"
	want := []BootPhase{{"boot script started", 4520 * time.Millisecond}, {"starting runner", 5500 * time.Millisecond}}
	if diff := cmp.Diff(want, BootPhases(text)); diff != "" {
		t.Error(diff)
	}
	if got := BootPhases("login:"); got != nil {
		t.Errorf("a console without our lines: %v", got)
	}
}

package runner

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// BootPhase is a phase of the boot script, as the machine told it on its console.
type BootPhase struct {
	Text string        // "downloaded runner 2.335.0"
	At   time.Duration // since the machine's kernel started, by its own clock
}

// bootPhase is a line of the boot script: what it does, and the seconds since boot.
var bootPhase = regexp.MustCompile(`^(.+) \((\d+(?:\.\d+)?) s\)$`)

// bootPhases reads the phases of a machine's last boot from its console. Errors and the log's last lines are none.
func bootPhases(text string) []BootPhase {
	var phases []BootPhase
	for line := range strings.Lines(printable(text)) {
		_, ours, found := strings.Cut(strings.TrimSpace(line), bootstrap.ConsolePrefix)
		match := bootPhase.FindStringSubmatch(ours)
		if !found || match == nil || strings.HasPrefix(ours, "error: ") || strings.HasPrefix(ours, "| ") {
			continue
		}
		seconds, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			continue
		}
		at := time.Duration(seconds * float64(time.Second)).Round(10 * time.Millisecond)
		if len(phases) > 0 && at < phases[len(phases)-1].At {
			phases = nil // a later boot has begun
		}
		phases = append(phases, BootPhase{Text: match[1], At: at})
	}
	return phases
}

// readBoots asks the machines of a start that is debugged how their boots went. Where the console may not be read, or
// is late, the start goes without.
func (st *start) readBoots(ctx context.Context) {
	slots := st.living()
	for _, s := range slots[:min(len(slots), maxConsoles)] {
		bounded, cancel := context.WithTimeout(ctx, consoleWithin)
		text, err := st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
		cancel()
		if err != nil {
			st.log.Debug("the console cannot be read", "error", err)
			return
		}
		s.boot = bootPhases(text)
	}
}

package diagnosis

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// BootPhase is a phase of the boot script, as logged on the machine's console.
type BootPhase struct {
	Text string        // "downloaded runner 2.335.0"
	At   time.Duration // since the machine's kernel started, by its own clock
}

// bootPhase matches a line of the boot script: the phase and the seconds since boot.
var bootPhase = regexp.MustCompile(`^(.+) \((\d+(?:\.\d+)?) s\)$`)

// BootPhases parses the phases of a machine's last boot from its console. It skips errors and the log's last lines.
func BootPhases(text string) []BootPhase {
	var phases []BootPhase
	for line := range strings.Lines(Printable(text)) {
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

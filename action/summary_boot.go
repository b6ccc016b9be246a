package action

import (
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// bootTable shows the phases that the machines reported of their boots. Their clocks begin with their kernels, so these
// times do not fit into the timeline.
func bootTable(b *strings.Builder, runners []runner.Started) {
	told := false
	for _, r := range runners {
		for _, phase := range r.Boot {
			if !told {
				b.WriteString("| instance | boot script | seconds since boot |\n|---|---|---|\n")
				told = true
			}
			fmt.Fprintf(b, "| %s | %s | %.1f s |\n", code(r.InstanceID), code(phase.Text), phase.At.Seconds())
		}
	}
	if told {
		b.WriteString("\n")
	}
}

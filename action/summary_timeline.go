package action

import (
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// phase is a phase of a start, and when a runner reached it.
type phase struct {
	name string
	at   func(runner.Timeline) time.Duration
}

var phases = []phase{
	{"registration ready", func(t runner.Timeline) time.Duration { return t.Registered }},
	{"launched", func(t runner.Timeline) time.Duration { return t.Launched }},
	{"running", func(t runner.Timeline) time.Duration { return t.Running }},
	{"online", func(t runner.Timeline) time.Duration { return t.Online }},
}

// timeline shows when each phase was reached: as a picture for one runner, as a table for several, since a picture of
// many events cannot be read.
func timeline(b *strings.Builder, runners []runner.Started) {
	if len(runners) == 1 {
		picture(b, runners[0].Timeline)
		return
	}
	rows := 0
	for _, p := range phases {
		reached, first, last := 0, time.Duration(0), time.Duration(0)
		for _, r := range runners {
			at := p.at(r.Timeline)
			if at == 0 || r.Failed {
				continue
			}
			if reached++; first == 0 || at < first {
				first = at
			}
			last = max(last, at)
		}
		if reached == 0 {
			continue
		}
		if rows++; rows == 1 {
			b.WriteString("| phase | runners | first after | last after |\n|---|---|---|---|\n")
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s |\n", p.name, reached, seconds(first), seconds(last))
	}
	if rows > 0 {
		b.WriteString("\n")
	}
}

// picture draws one runner's timeline. Mermaid ends a text at a colon, so it contains only fixed words.
// https://mermaid.js.org/syntax/timeline.html
func picture(b *strings.Builder, t runner.Timeline) {
	if t.Online == 0 {
		return
	}
	fmt.Fprintf(b, "```mermaid\ntimeline\n    %s : requested\n", seconds(0))
	for _, p := range phases {
		if at := p.at(t); at > 0 {
			fmt.Fprintf(b, "    %s : %s\n", seconds(at), p.name)
		}
	}
	b.WriteString("```\n\n")
}

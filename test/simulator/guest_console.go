package simulator

import (
	"fmt"
	"strings"
	"time"
)

// say writes a line of the boot script of ours, which only user data in our dialect brings.
func (g *guest) say(format string, args ...any) {
	if g.set.ours {
		g.print("ec2-github-runner: "+format, args...)
	}
}

func (g *guest) print(format string, args ...any) {
	g.lines = append(g.lines, consoleLine{g.w.now, fmt.Sprintf(format, args...)})
}

type consoleLine struct {
	at   time.Time
	text string
}

// consoleUntil is what the console showed up to a moment.
func (g *guest) consoleUntil(t time.Time) string {
	var b strings.Builder
	if g == nil {
		return ""
	}
	for _, l := range g.lines {
		if !l.at.After(t) {
			b.WriteString(l.text + "\r\n")
		}
	}
	return b.String()
}

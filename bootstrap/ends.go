package bootstrap

import (
	"iter"
	"regexp"
	"strings"
)

// End is why a machine powered itself off.
type End string

// The ends that a machine can have by itself.
const (
	EndUnknown  End = ""
	EndJob      End = "job"      // a single-use runner had ended
	EndIdle     End = "idle"     // no job came for idle-timeout-minutes
	EndLifetime End = "lifetime" // it was as old as max-lifetime-minutes
	EndFailed   End = "failed"   // its setup had failed, or no runner came online
)

// poweringOff begins the last line of a machine that ends itself; its reason follows.
const poweringOff = "powering off: "

var endings = []struct {
	begin string
	end   End
}{
	{"the runner has ended", EndJob},
	{"no job for ", EndIdle},
	{"it has lived for ", EndLifetime},
}

// ReadEnd reads why the machine of a console, without escape sequences, powered itself off last; EndUnknown if it did
// not.
func ReadEnd(console string) End {
	last := EndUnknown
	for line := range ownLines(console) {
		why, found := strings.CutPrefix(line, poweringOff)
		switch {
		case strings.HasPrefix(line, bootBegins):
			last = EndUnknown // a later boot
		case found:
			last = endOf(why)
		}
	}
	return last
}

// bootBegins is what the boot script says first.
const bootBegins = "boot script started"

func endOf(why string) End {
	for _, e := range endings {
		if strings.HasPrefix(why, e.begin) {
			return e.end
		}
	}
	return EndFailed
}

// spotLine is a notice of the declared form.
var spotLine = regexp.MustCompile(`^spot notice: ([a-z]+ at [0-9TZ:-]+) \([0-9]+(?:\.[0-9]+)? s\)$`)

// ReadSpotNotice reads EC2's announcement that it takes the machine of a console back, such as "terminate at
// 2026-11-29T20:14:00Z"; it is empty if there is none.
func ReadSpotNotice(console string) string {
	notice := ""
	for line := range ownLines(console) {
		if match := spotLine.FindStringSubmatch(line); match != nil {
			notice = match[1]
		}
	}
	return notice
}

// ownLines are the lines of ours, without their prefix.
func ownLines(console string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(console) {
			_, own, found := strings.Cut(strings.TrimSpace(line), ConsolePrefix)
			if found && !yield(own) {
				return
			}
		}
	}
}

package bootstrap

import (
	"iter"
	"regexp"
	"strings"
)

// End is the reason why a machine powered itself off.
type End string

// The reasons.
const (
	EndUnknown  End = ""
	EndJob      End = "job"      // its runner had ended
	EndIdle     End = "idle"     // no job came for idle-timeout-minutes
	EndLifetime End = "lifetime" // it had reached max-lifetime-minutes
	EndFailed   End = "failed"   // its setup had failed, or no runner came online
)

// poweringOff begins the last line of a machine that powers itself off, followed by the reason.
const poweringOff = "powering off: "

// endings are the reasons by the beginning of their text (check.sh).
var endings = []struct {
	begin string
	end   End
}{
	{"the runner has ended", EndJob},
	{"no job for ", EndIdle},
	{"it has lived for ", EndLifetime},
}

// ReadEnd returns why the machine last powered itself off, according to its console without escape sequences;
// EndUnknown if it did not.
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

// bootBegins is the first line of the boot script.
const bootBegins = "boot script started"

func endOf(why string) End {
	for _, e := range endings {
		if strings.HasPrefix(why, e.begin) {
			return e.end
		}
	}
	return EndFailed
}

// spotLine matches a spot notice (reporter.sh).
var spotLine = regexp.MustCompile(`^spot notice: ([a-z]+ at [0-9TZ:-]+) \([0-9]+(?:\.[0-9]+)? s\)$`)

// ReadSpotNotice returns EC2's notice on a console that it will interrupt the instance, such as "terminate at
// 2026-11-29T20:14:00Z", or "".
func ReadSpotNotice(console string) string {
	notice := ""
	for line := range ownLines(console) {
		if match := spotLine.FindStringSubmatch(line); match != nil {
			notice = match[1]
		}
	}
	return notice
}

// ownLines returns the lines that begin with ConsolePrefix, without it.
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

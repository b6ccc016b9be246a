package ami

import (
	"regexp"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// Verdict is what a builder's console tells of its bake.
type Verdict struct {
	// Step is the last one that began; empty as long as none did.
	Step string
	// Done reports whether the machine has come to its end, and OK that this is a good one: stop it and make
	// the image.
	Done, OK bool
	// Reason is why it failed, for people; empty where it did not.
	Reason string
	// Lines are the console's last ones, for a log: printable, without a verdict's repetitions.
	Lines []string
}

const (
	// verdictLines is how many of the console's last lines are kept, and verdictWidth how many bytes of each.
	verdictLines = 25
	verdictWidth = 240
)

var (
	beginning = regexp.MustCompile(`^([a-z][a-z0-9-]*) \([0-9]+(?:\.[0-9]+)? s\)$`)
	failing   = regexp.MustCompile(`^failed: ([a-z][a-z0-9-]*): (.+)$`)
)

// ReadVerdict reads the console of the builder that was given the nonce. The console is GetConsoleOutput's:
// its last 64 KB, so that the first line may be half a one, and the last too; kernel and cloud-init write
// between the lines and into them. A line that is not whole says nothing; verdicts are repeated. Lines with
// other nonces, from a machine that an image was made of, count for nothing either.
func ReadVerdict(console, nonce string) Verdict {
	var v Verdict
	var last string
	for line := range strings.Lines(console) {
		whole := strings.HasSuffix(line, "\n")
		line = printable(line)
		if line == "" {
			continue
		}
		if text, ours := told(line, nonce); ours {
			verdict := v.read(text, whole)
			if verdict && text == last {
				continue
			}
			if verdict {
				last = text
			}
		}
		v.Lines = append(v.Lines, line[:min(len(line), verdictWidth)])
	}
	v.Lines = v.Lines[max(0, len(v.Lines)-verdictLines):]
	return v
}

// told cuts out what a line says for this nonce. A line that quotes a line of ours (the end of a log,
// behind "| ") is not one.
func told(line, nonce string) (text string, ours bool) {
	if nonce == "" {
		return "", false
	}
	_, text, ours = strings.Cut(line, bootstrap.ConsolePrefix)
	if !ours {
		return "", false
	}
	return strings.CutPrefix(text, "bake "+nonce+": ")
}

// read takes over what the line says, and says whether it was a verdict. "ok" cannot be half of anything,
// a reason can.
func (v *Verdict) read(text string, whole bool) bool {
	if text == "ok" {
		v.Done, v.OK, v.Reason = true, true, ""
		return true
	}
	if m := failing.FindStringSubmatch(text); m != nil && (whole || !v.Done) {
		v.Done, v.OK, v.Step, v.Reason = true, false, m[1], m[2]
		return true
	}
	if m := beginning.FindStringSubmatch(text); m != nil {
		v.Step = m[1]
	}
	return false
}

// printable is the line without its end, colours and anything else that a log should not repeat.
func printable(line string) string {
	line = escapes.ReplaceAllString(line, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, line))
}

// escapes are a terminal's commands, with which systemd colours what it writes to the console.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|.)")

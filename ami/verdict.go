package ami

import (
	"regexp"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// Verdict is what a builder's console shows of its bake.
type Verdict struct {
	// Step is the last step that began, "" if none did.
	Step string
	// Done means that the builder has finished, and OK that it succeeded, so that it can be stopped and imaged.
	Done, OK bool
	// Reason is why the bake failed, "" if it did not.
	Reason string
	// Lines are the console's last lines for the log: printable, without repeated verdicts.
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

// ReadVerdict reads the console of the builder with the nonce. The console is GetConsoleOutput's: its last 64 KB, so
// that the first and last line may be incomplete. Kernel and cloud-init print between the lines and into them.
// Incomplete lines are ignored, since verdicts are repeated, and so are lines with other nonces, from a machine that an
// image was made of.
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

// told returns the text of a line with this nonce. Lines that quote such a line (the end of a log, after "| ") do not
// count.
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

// read updates the verdict from a line, and reports whether the line was a verdict. An incomplete reason is possible,
// an incomplete "ok" is not.
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

// printable returns the line without line end, colours and other characters that a log should not contain.
func printable(line string) string {
	line = escapes.ReplaceAllString(line, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, line))
}

// escapes matches terminal escape sequences, with which systemd colours its console output.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|.)")

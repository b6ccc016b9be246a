package diagnosis

import (
	"slices"
	"strings"
	"unicode"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// NewText is what came to a text since an older one. EC2 shows only the last 64 KB, so the older text may have lost
// its beginning; then its end is looked for.
func NewText(old, text string) string {
	if fresh, ok := strings.CutPrefix(text, old); ok {
		return fresh
	}
	end := old[max(len(old)-256, 0):]
	if i := strings.LastIndex(text, end); i >= 0 {
		return text[i+len(end):]
	}
	return text
}

// Said picks out what the boot script itself says is wrong: "pre-runner-script failed with exit 3 at line 7: …".
func Said(text string) []string {
	var lines []string
	for _, line := range Tail(text, len(text)) {
		_, ours, found := strings.Cut(line, bootstrap.ConsolePrefix)
		if message, isError := strings.CutPrefix(ours, "error: "); found && isError {
			lines = append(lines, message)
		}
	}
	return slices.Compact(lines)
}

// Tail returns the last lines of a console, without the colours and carriage returns that a boot writes.
func Tail(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(Printable(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-n, 0):]
}

// Printable drops escape sequences and control characters: what a machine prints is data, not terminal commands.
func Printable(text string) string {
	var out strings.Builder
	inEscape := false
	for _, r := range strings.ToValidUTF8(text, "?") {
		switch {
		case r == '\x1b':
			inEscape = true
		case inEscape:
			inEscape = !unicode.IsLetter(r)
		case r == '\n' || r == '\t' || !unicode.IsControl(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}

// HasFailed reports whether the machine's own boot script has given up.
func HasFailed(console string) bool { return len(Said(console)) > 0 }

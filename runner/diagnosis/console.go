package diagnosis

import (
	"slices"
	"strings"
	"unicode"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// NewText returns what was appended to a text since an older version of it. EC2 shows only the last 64 KB of a console,
// so the older version may have lost its beginning; then its end is searched for.
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

// Said returns the errors that the boot script itself reports: "pre-runner-script failed with exit 3 at line 7: …".
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

// Tail returns the last n lines of a console, without colours, carriage returns and empty lines.
func Tail(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(Printable(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-n, 0):]
}

// Printable removes escape sequences and control characters: a machine's output is data, not terminal commands.
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

// HasFailed reports whether the machine's boot script has given up.
func HasFailed(console string) bool { return len(Said(console)) > 0 }

package action

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
)

// startSummary returns the job summary of a start: what was started and how long each phase took or, on failure, what
// to do and what went wrong, with the details folded.
func startSummary(result runner.StartResult) string {
	var b strings.Builder
	if result.Failure != nil {
		failureSummary(&b, result)
		warningsOf(&b, result.Warnings)
		return b.String()
	}
	if len(result.Runners) == 1 {
		fmt.Fprintf(&b, "### EC2 runner %s is ready after %s\n\n", code(result.Runners[0].Label), seconds(result.Took))
	} else {
		ready := readyOf(result.Runners)
		fmt.Fprintf(&b, "### %d EC2 runners are ready after %s\n\n", ready, seconds(result.Took))
		if failed := len(result.Runners) - ready; failed > 0 {
			fmt.Fprintf(&b, "%d of %d were given up and removed; `min-count` allows it.\n\n", failed,
				len(result.Runners))
		}
	}
	runnersTable(&b, result.Runners)
	timeline(&b, result.Runners)
	bootTable(&b, result.Runners)
	trailTable(&b, result.Trail)
	warningsOf(&b, result.Warnings)
	return b.String()
}

func warningsOf(b *strings.Builder, warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintf(b, "> [!WARNING]\n> %s\n\n", plain(warning))
	}
}

func readyOf(runners []runner.Started) (n int) {
	for _, r := range runners {
		if !r.Failed {
			n++
		}
	}
	return n
}

// How many runners the summary shows: as rows of a table, and with events of their own in the timeline.
const (
	maxRows         = 50
	maxTimelineRows = 5
)

// more returns a link to the hint's entry in the troubleshooting page, or "".
func more(hint string) string {
	if page := see(hint); page != "" {
		return " ([more](" + page + "))"
	}
	return ""
}

func runnersTable(b *strings.Builder, runners []runner.Started) {
	if len(runners) == 0 || runners[0].InstanceID == "" {
		return
	}
	b.WriteString("| label | instance | type | market | zone | image | requested → running | running → online |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for i, r := range runners {
		if i == maxRows {
			fmt.Fprintf(b, "| and %d more | | | | | | | |\n", len(runners)-i)
			break
		}
		image := strings.TrimSpace(r.Image + " " + r.ImageName)
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", code(r.Label), code(r.InstanceID),
			code(r.InstanceType), marketOf(r), cell(r.AvailabilityZone), code(image), between(0, r.Timeline.Running),
			between(r.Timeline.Running, r.Timeline.Online))
	}
	b.WriteString("\n")
}

// marketOf returns the market of a runner's machine, and whether the machine was warm.
func marketOf(r runner.Started) string {
	if r.Warm {
		return r.Market + ", warm"
	}
	return r.Market
}

func stopSummary(result stop.Result) string {
	if len(result.Stopped) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("### EC2 runners stopped\n\n| instance | region | state | runner | registration " +
		"|\n|---|---|---|---|---|\n")
	for _, s := range result.Stopped {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(s.InstanceID), cell(s.Region), cell(s.State),
			code(s.RunnerName), cell(s.Runner))
	}
	b.WriteString("\n")
	for _, warning := range result.Warnings {
		fmt.Fprintf(&b, "> [!WARNING]\n> %s\n\n", plain(warning))
	}
	b.WriteString(keptSummary(result.Stopped))
	return b.String()
}

func postSummary(result post.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Clean-up after an interrupted %s\n\n", result.What)
	for _, id := range result.Terminated {
		fmt.Fprintf(&b, "- terminated instance %s\n", code(id))
	}
	for _, id := range result.Removed {
		fmt.Fprintf(&b, "- removed image %s\n", code(id))
	}
	for _, id := range result.Stopped {
		fmt.Fprintf(&b, "- stopped instance %s\n", code(id))
	}
	for _, id := range result.Freed {
		fmt.Fprintf(&b, "- freed warm instance %s\n", code(id))
	}
	for _, left := range result.Left {
		fmt.Fprintf(&b, "- may be left behind: %s\n", plain(left))
	}
	if len(result.Terminated)+len(result.Removed)+len(result.Stopped)+len(result.Freed)+len(result.Left) == 0 {
		b.WriteString("- nothing was left behind\n")
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func between(from, to time.Duration) string {
	if to == 0 {
		return "–"
	}
	return seconds(to - from)
}

// code formats a value verbatim in Markdown: nothing in it acts as Markdown or HTML, and it stays in its table cell.
func code(text string) string {
	if text == "" {
		return "–"
	}
	text = strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
	if !strings.ContainsAny(text, "`|\\") {
		return "`" + text + "`"
	}
	// In a table a bar ends the cell even within backticks, and a backslash before the bar cancels its escape.
	var b strings.Builder
	for _, c := range text {
		if c < utf8.RuneSelf && (unicode.IsPunct(c) || unicode.IsSymbol(c)) {
			fmt.Fprintf(&b, "&#%d;", c)
			continue
		}
		b.WriteRune(c)
	}
	return "<code>" + b.String() + "</code>"
}

// cell formats prose for a table cell.
func cell(text string) string {
	if text == "" {
		return "–"
	}
	return plain(text)
}

// plain returns text on one line, escaped so that nothing in it acts as Markdown or HTML.
func plain(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;",
		">", "&gt;", "&", "&amp;", "|", "\\|", "#", "\\#", "~", "\\~", "$", "\\$", "@", "&#64;").Replace(text)
}

// fence writes a fenced code block, whatever backticks the text contains.
func fence(b *strings.Builder, language, text string) {
	ticks := strings.Repeat("`", max(longestRun(text, '`')+1, 3))
	fmt.Fprintf(b, "%s%s\n%s\n%s\n\n", ticks, language, text, ticks)
}

func longestRun(text string, of rune) int {
	longest, run := 0, 0
	for _, c := range text {
		if c == of {
			run++
		} else {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

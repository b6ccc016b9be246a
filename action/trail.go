package action

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// tried is an offering with one response, and how often EC2 gave it.
type tried struct {
	runner.Attempt
	times int
	took  time.Duration
}

// gathered merges the attempts for the same offering with the same response.
func gathered(trail []runner.Attempt) []*tried {
	var list []*tried
	for _, a := range trail {
		var same *tried
		for _, t := range list {
			if (len(a.InstanceIDs) == 0) == (len(t.InstanceIDs) == 0) && t.Answer == a.Answer &&
				t.InstanceType == a.InstanceType && t.Market == a.Market &&
				t.Region == a.Region && t.SubnetID == a.SubnetID && t.ImageID == a.ImageID {
				same = t
			}
		}
		if same == nil {
			same = &tried{Attempt: a}
			list = append(list, same)
		}
		if same.times > 0 {
			same.InstanceIDs = slices.Concat(same.InstanceIDs, a.InstanceIDs)
		}
		same.times++
		same.took += a.Took
	}
	return list
}

// trailTable lists what was tried, if there was more than one attempt.
func trailTable(b *strings.Builder, trail []runner.Attempt) {
	list := gathered(trail)
	if len(trail) < 2 {
		return
	}
	if rounds := slices.MaxFunc(trail,
		func(a, b runner.Attempt) int { return a.Round - b.Round }).Round + 1; rounds > 1 {
		fmt.Fprintf(b, "Capacity was requested in %d rounds.\n\n", rounds)
	}
	b.WriteString("| tried | region | subnet | image | answer | took | times |\n|---|---|---|---|---|---|---|\n")
	for i, a := range list {
		if i == maxRows {
			fmt.Fprintf(b, "| and %d more | | | | | | |\n", len(list)-i)
			break
		}
		fmt.Fprintf(b, "| %s %s | %s | %s | %s | %s | %s | %d |\n", code(a.InstanceType), a.Market, cell(a.Region),
			cell(a.SubnetID), cell(a.ImageID), a.answer(), seconds(a.took), a.times)
	}
	b.WriteString("\n")
}

// answer returns the response of EC2, formatted for a table cell.
func (t *tried) answer() string {
	switch n := len(t.InstanceIDs); {
	case n == 0:
		return cell(t.Answer)
	case n <= maxTimelineRows:
		return code(strings.Join(t.InstanceIDs, " "))
	default:
		return fmt.Sprintf("%d instances", n)
	}
}

// logTrail logs what was tried without success, as a table in plain text.
func (o *output) logTrail(trail []runner.Attempt) {
	rows := [][]string{{"market", "type", "region", "subnet", "times", "answer"}}
	for _, a := range gathered(trail) {
		answer := a.Answer
		if len(a.InstanceIDs) > 0 {
			answer = fmt.Sprintf("%d launched", len(a.InstanceIDs))
		}
		rows = append(rows, []string{a.Market, a.InstanceType, a.Region, a.SubnetID, strconv.Itoa(a.times), answer})
	}
	if len(rows) < 3 {
		return
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			width[i] = max(width[i], len(text))
		}
	}
	log := o.log.With("phase", "What was tried")
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			fmt.Fprintf(&line, "%-*s  ", width[i], text)
		}
		log.Info("| " + strings.TrimSpace(line.String()))
	}
	o.handler.closeGroup()
}

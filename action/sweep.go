package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
)

func runSweep(ctx context.Context, c clients) error {
	request, out := *c.request.Sweep, c.out
	if len(request.Regions) == 0 {
		request.Regions = []string{c.cloud.Region()}
	}
	result, err := c.sweeper().Sweep(ctx, request)
	out.handler.closeGroup()
	out.log.Info(sweepSentence(result, request.DryRun))
	out.setSwept(result, request.DryRun)
	machines := make([]machineOutcome, len(result.Swept))
	for n, s := range result.Swept {
		machines[n] = machineOutcome{s.RunnerName, s.InstanceID, s.Outcome}
	}
	out.setOutcomes(machines)
	reruns, rerunErr := runRerun(ctx, c, request.Regions)
	out.summarize(sweepSummary(result, request.DryRun) + outcomeSummary(machines) + reruns)
	return errors.Join(err, rerunErr)
}

// swept is an element of the output `swept`.
type swept struct {
	Action     sweep.Act `json:"action"`
	DryRun     bool      `json:"dry-run,omitempty"`
	Why        string    `json:"why"`
	InstanceID string    `json:"ec2-instance-id,omitempty"`
	VolumeID   string    `json:"volume-id,omitempty"`
	Region     string    `json:"region,omitempty"`
	RunnerName string    `json:"runner-name,omitempty"`
	RunnerID   int64     `json:"runner-id,omitempty"`
	AgeMinutes int64     `json:"age-minutes,omitempty"`
}

// setSwept writes the output `swept`: everything that the sweep changed, and what it asks somebody to look at.
func (o *output) setSwept(result sweep.Result, dryRun bool) {
	list := []swept{}
	for _, s := range result.Swept {
		if s.Act == sweep.Spared {
			continue
		}
		list = append(list, swept{
			Action: s.Act, DryRun: dryRun, Why: s.Why, InstanceID: s.InstanceID, VolumeID: s.VolumeID,
			Region: s.Region, RunnerName: s.RunnerName, RunnerID: s.RunnerID, AgeMinutes: int64(s.Age.Minutes()),
		})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		o.log.Warn("the output 'swept' cannot be written", "error", err)
		return
	}
	o.action.SetOutput(outSwept, string(raw))
}

func sweepSentence(result sweep.Result, dryRun bool) string {
	count := map[sweep.Act]int{}
	for _, s := range result.Swept {
		count[s.Act]++
	}
	stopped := ""
	if n := count[sweep.Halted]; n > 0 {
		stopped = fmt.Sprintf("%d stopped, ", n)
	}
	sentence := fmt.Sprintf("%d instances terminated, %s%d registrations removed, %d marked for a second look, %d "+
		"spared, %d listed only",
		count[sweep.Terminated], stopped, count[sweep.Deregistered], count[sweep.Marked],
		count[sweep.Spared]+count[sweep.Unmarked], count[sweep.Listed])
	if n := count[sweep.Freed]; n > 0 {
		sentence += fmt.Sprintf(", %d warm instances freed", n)
	}
	if n := count[sweep.Deleted]; n > 0 {
		sentence += fmt.Sprintf(", %d volumes deleted", n)
	}
	if dryRun {
		return "dry run, nothing was changed; a sweep would mean: " + sentence
	}
	return "swept: " + sentence
}

// maxSwept is how many rows the summary shows: GitHub limits a summary to 1 MiB.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const maxSwept = 500

// sweepSummary returns the job summary of a sweep: what was found, what became of it, why, and how old it is.
func sweepSummary(result sweep.Result, dryRun bool) string {
	var b strings.Builder
	b.WriteString("### Sweep\n\n" + plain(sweepSentence(result, dryRun)) + "\n\n")
	poolsInSight(&b, result)
	if len(result.Swept) > 0 {
		b.WriteString("| what | instance or volume | region | runner | why | age |\n|---|---|---|---|---|---|\n")
	}
	for n, s := range result.Swept {
		if n == maxSwept {
			fmt.Fprintf(&b, "\n… and %d more\n", len(result.Swept)-n)
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", s.Act, code(s.InstanceID+s.VolumeID), cell(s.Region),
			code(s.RunnerName), cell(s.Why), age(s.Age))
	}
	b.WriteString("\n")
	for _, warning := range result.Warnings {
		fmt.Fprintf(&b, "> [!WARNING]\n> %s\n\n", plain(warning))
	}
	return b.String()
}

// poolsInSight lists the pools and when their last machine ends, so that a forgotten pool is noticed.
func poolsInSight(b *strings.Builder, result sweep.Result) {
	count, until := map[string]int{}, map[string]time.Time{}
	for _, s := range result.Swept {
		if s.Pool == "" || s.Act == sweep.Terminated {
			continue
		}
		count[s.Pool]++
		if s.Until.After(until[s.Pool]) {
			until[s.Pool] = s.Until
		}
	}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(b, "Pool %s: %d warm machines, the last until %s\n\n", code(name), count[name],
			until[name].UTC().Format(time.RFC3339))
	}
}

func age(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

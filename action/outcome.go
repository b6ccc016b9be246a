package action

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/outcome"
)

// machineOutcome is the outcome of a machine that a stop or a sweep has terminated, or has found terminated.
type machineOutcome struct {
	runner, id string
	outcome.Outcome
}

// jobReports is an element of the output `job-reports`. It contains no type, zone or region, since GitHub drops outputs
// that contain masked text.
type jobReports struct {
	RunnerName  string      `json:"runner-name,omitempty"`
	InstanceID  string      `json:"ec2-instance-id"`
	Minutes     int         `json:"machine-minutes,omitempty"`
	EndedBy     string      `json:"ended-by,omitempty"`
	Interrupted bool        `json:"interrupted"`
	Jobs        []jobReport `json:"jobs"`
}

type jobReport struct {
	Seconds    int64    `json:"seconds"`
	Cores      int64    `json:"cores"`
	CPU        int64    `json:"cpu-percent"`
	Steal      int64    `json:"steal-percent"`
	Load       float64  `json:"load-per-core"`
	Memory     int64    `json:"memory-kib"`
	MemoryPeak int64    `json:"memory-peak-kib"`
	Killed     *int64   `json:"killed-processes"` // null if the kernel does not count them
	Swap       int64    `json:"swap-kib"`
	SwapPeak   int64    `json:"swap-peak-kib"`
	Disk       int64    `json:"disk-kib"`
	DiskPeak   int64    `json:"disk-peak-kib"`
	Inodes     int64    `json:"inodes-percent"`
	Limits     []string `json:"limits"`
	State      string   `json:"state"`
}

// setOutcomes writes the outputs `interrupted` and `job-reports`.
func (o *output) setOutcomes(machines []machineOutcome) {
	interrupted, list := false, []jobReports{}
	for _, m := range machines {
		interrupted = interrupted || m.Interrupted
		if m.id == "" || len(m.Reports) == 0 && m.Ended == "" {
			continue
		}
		each := jobReports{RunnerName: m.runner, InstanceID: m.id, Minutes: m.Minutes, EndedBy: m.EndedBy,
			Interrupted: m.Interrupted, Jobs: []jobReport{}}
		for _, r := range m.Reports {
			each.Jobs = append(each.Jobs, newJobReport(r))
		}
		list = append(list, each)
	}
	o.action.SetOutput(outInterrupted, strconv.FormatBool(interrupted))
	raw, err := json.Marshal(list)
	if err != nil {
		o.log.Warn("the output 'job-reports' cannot be written", "error", err)
		return
	}
	o.action.SetOutput(outJobReports, string(raw))
}

func newJobReport(r outcome.JobReport) jobReport {
	j := jobReport{
		Seconds: r.Seconds, Cores: r.Cores, CPU: r.CPU, Steal: r.Steal, Load: loadPerCore(r), Memory: r.Memory,
		MemoryPeak: r.MemoryPeak, Swap: r.Swap, SwapPeak: r.SwapPeak, Disk: r.Disk, DiskPeak: r.DiskPeak,
		Inodes: r.Inodes, Limits: slices.Concat([]string{}, r.Limits), State: r.State,
	}
	if r.Killed >= 0 {
		j.Killed = &r.Killed
	}
	return j
}

// loadPerCore returns the highest one-minute load average per core.
func loadPerCore(r outcome.JobReport) float64 {
	return float64(r.Load/max(r.Cores, 1)) / 100
}

// outcomeSummary returns the part of the job summary about job reports and interruptions; "" if there are none.
func outcomeSummary(machines []machineOutcome) string {
	var ends, jobs strings.Builder
	minutes := map[string]int{}
	for _, m := range machines {
		if m.Minutes > 0 {
			minutes[m.Type] += m.Minutes
		}
		if m.Ended != "" {
			lost := ""
			if m.Interrupted {
				lost = ": its job was interrupted, run it again"
			}
			fmt.Fprintf(&ends, "> [!NOTE]\n> %s: %s%s\n\n", code(m.id), plain(m.Ended), lost)
		}
		for _, r := range m.Reports {
			fmt.Fprintf(&jobs, "| %s | %d s | %d cores, %d %% busy, %d %% stolen | %s | %s | %s | %s |\n",
				code(m.runner), r.Seconds, r.Cores, r.CPU, r.Steal, memoryWords(r), ofGiB(r.DiskPeak, r.Disk),
				cell(strings.Join(r.Limits, ", ")), r.State)
		}
	}
	var b strings.Builder
	if jobs.Len() > 0 {
		b.WriteString("### Jobs of these runners\n\n| runner | time | processors | memory | disk | limits met | " +
			"state |\n|---|---|---|---|---|---|---|\n" + jobs.String() + "\n")
	}
	b.WriteString(ends.String())
	if len(minutes) > 0 {
		var words []string
		for _, kind := range slices.Sorted(maps.Keys(minutes)) {
			words = append(words, fmt.Sprintf("%d of %s", minutes[kind], code(kind)))
		}
		fmt.Fprintf(&b, "Machine minutes: %s\n\n", strings.Join(words, ", "))
	}
	return b.String()
}

func memoryWords(r outcome.JobReport) string {
	words := ofGiB(r.MemoryPeak, r.Memory)
	if r.Killed > 0 {
		words += fmt.Sprintf(", %d killed by the kernel", r.Killed)
	}
	return words
}

// ofGiB formats two sizes in KiB, as in "1.5 of 7.6 GiB".
func ofGiB(used, all int64) string {
	const gib = 1 << 20
	return fmt.Sprintf("%.1f of %.1f GiB", float64(used)/gib, float64(all)/gib)
}

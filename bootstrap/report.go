package bootstrap

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A machine with JobReport writes one line to its console when a job ends:
//
//	ec2-github-runner: job report: job=1 seconds=612 cores=4 cpu=93 … limits=memory state=ended (648.10 s)
//
// Each word is KEY=VALUE in ASCII, in any order, and no value contains a space. Readers ignore unknown keys, and a
// machine leaves out what its kernel does not report. A line without the seconds since boot at its end is truncated and
// ignored. Sizes are in KiB and shares in percent; all are whole numbers.
//
//	job          the number of the job on this boot of the machine, from 1
//	seconds      how long it ran
//	cores        of the machine
//	cpu          the processors' time that was busy, on average, and cpu_peak in the worst five seconds
//	steal        the processors' time that other machines had, on average, and steal_peak in the worst five seconds
//	load         the highest load average of one minute, in hundredths, for all cores together
//	memory       what there is, and memory_peak the most that was used, without files that the kernel keeps in memory
//	cached_peak  the kernel's own peak of the runner's control group, with such files
//	killed       how many processes the kernel killed for lack of memory
//	swap         what there is, and swap_peak the most that was used
//	disk         the size of the fullest disk, and disk_peak the most that was used of it
//	inodes       the most that were used, in percent
//	limits       which limits were met, comma-separated: memory, container (a container's memory limit), cpu, steal,
//	             disk, swap
//	state        ended; cut: the machine went down under it; running: written at a spot notice
//
// At a spot notice the machine writes "spot notice: ACTION at TIME", where both are EC2's own words.

// The states of a job in a report.
const (
	JobEnded   = "ended"
	JobCut     = "cut"
	JobRunning = "running"
)

// JobReport is what a machine had and used while it ran a job.
type JobReport struct {
	Job     int   // the number of the job on this boot of the machine, from 1
	Seconds int64 // how long it ran
	Cores   int64

	CPU, CPUPeak     int64 // percent of the processors' time that was busy, on average and in the worst five seconds
	Steal, StealPeak int64 // percent of the processors' time that other machines had
	Load             int64 // the highest load average of one minute for all cores together, in hundredths

	Memory, MemoryPeak int64 // KiB, without files that the kernel keeps in memory
	CachedPeak         int64 // KiB, with such files; 0 if the kernel does not report it
	Killed             int64 // processes that the kernel killed for lack of memory; -1 if it does not report it
	Swap, SwapPeak     int64 // KiB
	Disk, DiskPeak     int64 // KiB, of the fullest disk
	Inodes             int64 // percent

	Limits []string // which limits were met, of jobLimits
	State  string   // JobEnded, JobCut or JobRunning
}

// jobLimits are the limits that a job can meet, in the order in which a machine names them.
var jobLimits = []string{"container", "memory", "cpu", "steal", "disk", "swap"}

// reportLine matches a report: its words, and the seconds since boot.
var reportLine = regexp.MustCompile(`^job report: ((?:[a-z_]+=[0-9a-z,]* ?)+) \([0-9]+(?:\.[0-9]+)? s\)$`)

// ReadJobReports returns the reports on a console without escape sequences. A later report of a job replaces one that
// it was running. Lines of any other form are ignored: a job can write to its machine's console.
func ReadJobReports(console string) []JobReport {
	var reports []JobReport
	for line := range ownLines(console) {
		r, ok := parseJobReport(line)
		if !ok {
			continue
		}
		if n := len(reports) - 1; n >= 0 && reports[n].Job == r.Job && reports[n].State == JobRunning {
			reports = reports[:n]
		}
		reports = append(reports, r)
	}
	return reports
}

// parseJobReport parses a line without its prefix.
func parseJobReport(line string) (r JobReport, ok bool) {
	match := reportLine.FindStringSubmatch(line)
	if match == nil {
		return r, false
	}
	r.Killed = -1
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(match[1]) {
		key, value, _ := strings.Cut(word, "=")
		if seen[key] || !r.set(key, value) {
			return JobReport{}, false
		}
		seen[key] = true
	}
	return r, seen["job"] && seen["seconds"] && seen["state"] && r.Job > 0
}

// set sets the field of a key, and reports whether the value is valid for it.
func (r *JobReport) set(key, value string) bool {
	switch key {
	case "state":
		r.State = value
		return slices.Contains([]string{JobEnded, JobCut, JobRunning}, value)
	case "limits":
		r.Limits = strings.Split(value, ",")
		return !slices.ContainsFunc(r.Limits, func(limit string) bool { return !slices.Contains(jobLimits, limit) })
	case "job":
		n, err := strconv.ParseUint(value, 10, 31)
		r.Job = int(n)
		return err == nil
	}
	number, known := r.numbers()[key]
	if !known {
		return true
	}
	n, err := strconv.ParseUint(value, 10, 52)
	*number = int64(n)
	return err == nil
}

// numbers returns the fields by key.
func (r *JobReport) numbers() map[string]*int64 {
	return map[string]*int64{
		"seconds": &r.Seconds, "cores": &r.Cores, "cpu": &r.CPU, "cpu_peak": &r.CPUPeak, "steal": &r.Steal,
		"steal_peak": &r.StealPeak, "load": &r.Load, "memory": &r.Memory, "memory_peak": &r.MemoryPeak,
		"cached_peak": &r.CachedPeak, "killed": &r.Killed, "swap": &r.Swap, "swap_peak": &r.SwapPeak, "disk": &r.Disk,
		"disk_peak": &r.DiskPeak, "inodes": &r.Inodes,
	}
}

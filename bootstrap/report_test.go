package bootstrap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const wholeReport = "ec2-github-runner: job report: job=1 seconds=612 cores=4 cpu=93 cpu_peak=100 steal=12 " +
	"steal_peak=40 load=812 memory=16567500 memory_peak=16357785 cached_peak=16500000 killed=3 swap=1048576 " +
	"swap_peak=1024 disk=52428800 disk_peak=41943040 inodes=12 limits=memory,steal state=ended (648.10 s)"

// TestReadJobReports: which lines are reports, and what else a console may contain.
func TestReadJobReports(t *testing.T) {
	whole := JobReport{
		Job: 1, Seconds: 612, Cores: 4, CPU: 93, CPUPeak: 100, Steal: 12, StealPeak: 40, Load: 812, Memory: 16567500,
		MemoryPeak: 16357785, CachedPeak: 16500000, Killed: 3, Swap: 1048576, SwapPeak: 1024, Disk: 52428800,
		DiskPeak: 41943040, Inodes: 12, Limits: []string{"memory", "steal"}, State: JobEnded,
	}
	short := JobReport{Job: 1, Seconds: 5, Killed: -1, State: JobRunning}
	const line = "ec2-github-runner: job report: "
	for _, c := range []struct {
		name, console string
		want          []JobReport
	}{
		{"whole, behind the kernel's clock", "[  648.1] login: " + wholeReport + "\r\n", []JobReport{whole}},
		{"an empty console", "", nil},
		{"a kernel that tells little", line + "job=1 seconds=5 state=running (9 s)", []JobReport{short}},
		{"a key of a later version", line + "job=1 seconds=5 network=7 state=running (9 s)", []JobReport{short}},
		{"running, then ended", line + "job=1 seconds=5 state=running (9 s)\n" + wholeReport, []JobReport{whole}},
		{"two jobs", wholeReport + "\n" + strings.Replace(wholeReport, "job=1", "job=2", 1),
			[]JobReport{whole, func() JobReport { r := whole; r.Job = 2; return r }()}},
		{"the same number on another boot", wholeReport + "\n" + wholeReport, []JobReport{whole, whole}},
		{"cut off", strings.TrimSuffix(wholeReport, " (648.10 s)"), nil},
		{"cut off in a number", wholeReport[:len(wholeReport)-60], nil},
		{"the kernel speaks in between", strings.Replace(wholeReport, "killed", "[  1.2] eth0: up\nkilled", 1), nil},
		{"negative", line + "job=1 seconds=-5 state=ended (9 s)", nil},
		{"too large", line + "job=1 seconds=99999999999999999999 state=ended (9 s)", nil},
		{"a key twice", line + "job=1 seconds=5 seconds=6 state=ended (9 s)", nil},
		{"no job", line + "seconds=5 state=ended (9 s)", nil},
		{"no such state", line + "job=1 seconds=5 state=fine (9 s)", nil},
		{"no such limit", line + "job=1 seconds=5 limits=m7i,memory state=ended (9 s)", nil},
		{"a job's own words", line + "job=1 seconds=5 state=ended <script> (9 s)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ReadJobReports(c.console)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// written formats a report as a machine writes it.
func written(r JobReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sjob report: job=%d", ConsolePrefix, r.Job)
	for key, number := range r.numbers() {
		if *number >= 0 {
			fmt.Fprintf(&b, " %s=%d", key, *number)
		}
	}
	if len(r.Limits) > 0 {
		fmt.Fprintf(&b, " limits=%s", strings.Join(r.Limits, ","))
	}
	fmt.Fprintf(&b, " state=%s (12.34 s)\r\n", r.State)
	return b.String()
}

// TestReportsArrive: reports are read as they were written, between lines that are not.
func TestReportsArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Int64Range(0, 1<<52-1)
		var want []JobReport
		var console strings.Builder
		for n := range rapid.IntRange(0, 4).Draw(t, "jobs") {
			r := JobReport{
				Job: n + 1, State: rapid.SampledFrom([]string{JobEnded, JobCut, JobRunning}).Draw(t, "state"),
				Limits: rapid.SampledFrom([][]string{nil, {"memory"}, {"cpu", "disk"}}).Draw(t, "limits"),
			}
			for key, field := range r.numbers() {
				*field = number.Draw(t, key)
			}
			if rapid.Bool().Draw(t, "old kernel") {
				r.Killed = -1
			}
			want = append(want, r)
			console.WriteString(rapid.StringMatching(`([a-z:=\[\]. ]{0,40}\n)?`).Draw(t, "noise") + written(r))
		}
		if diff := cmp.Diff(want, ReadJobReports(console.String())); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

// FuzzReadConsole: whatever a machine writes, the readers do not fail, and return only values of the declared form.
func FuzzReadConsole(f *testing.F) {
	f.Add(wholeReport)
	f.Add("ec2-github-runner: powering off: no job for 60 s (61 s)\n" +
		"ec2-github-runner: spot notice: terminate at 2026-11-29T20:14:00Z (1 s)")
	f.Fuzz(func(t *testing.T, console string) {
		for _, r := range ReadJobReports(console) {
			if r.Job <= 0 || r.Seconds < 0 || r.State == "" {
				t.Errorf("read %+v", r)
			}
			for key, number := range r.numbers() {
				if *number < 0 && key != "killed" {
					t.Errorf("%s is %d", key, *number)
				}
			}
			if again := ReadJobReports(written(r)); len(again) != 1 || !cmp.Equal(again[0], r) {
				t.Errorf("read %+v, then %+v", r, again)
			}
		}
		if notice := ReadSpotNotice(console); strings.ContainsAny(notice, "<>|`[]()\n") {
			t.Errorf("notice %q", notice)
		}
		ReadEnd(console)
	})
}

func TestReadEnd(t *testing.T) {
	const prefix = "ec2-github-runner: "
	for console, want := range map[string]End{
		"":                    EndUnknown,
		"Welcome to Debian\n": EndUnknown,
		prefix + "powering off: the runner has ended (9.1 s)\r\n":                                EndJob,
		prefix + "powering off: no job for 600 s (700.1 s)\n":                                    EndIdle,
		prefix + "powering off: it has lived for 3600 s (3601.2 s)\n":                            EndLifetime,
		prefix + "powering off: no runner is online after 300 s; the last (301.2 s)\n":           EndFailed,
		prefix + "powering off: no job for 6 s (7 s)\n" + prefix + "boot script started (1 s)\n": EndUnknown,
	} {
		if got := ReadEnd(console); got != want {
			t.Errorf("%q: got %q, want %q", console, got, want)
		}
	}
}

func TestReadSpotNotice(t *testing.T) {
	const line = "ec2-github-runner: spot notice: terminate at 2026-11-29T20:14:00Z"
	for console, want := range map[string]string{
		"":                                    "",
		line + " (88.20 s)\r\n":               "terminate at 2026-11-29T20:14:00Z",
		line:                                  "",
		strings.Replace(line, "Z", "`id`", 1): "",
	} {
		if got := ReadSpotNotice(console); got != want {
			t.Errorf("%q: got %q, want %q", console, got, want)
		}
	}
}

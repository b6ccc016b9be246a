//go:build boottest

package boot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// eats is a scenario of a job that meets a limit: the report on the console names it, and the job's log says what to
// do.
func eats(s scenario, limit, warning string, right func(bootstrap.JobReport) bool) scenario {
	s.image, s.spec = parts.preinstalled, reported(atHome)
	s.check = func(t *testing.T, i *instance) {
		log := i.jobLog(t, "a")
		r := i.report(t, 1)
		t.Logf("%+v", r)
		if !slices.Contains(r.Limits, limit) || !right(r) {
			t.Errorf("the console has %+v", r)
		}
		if !strings.Contains(log, "\n::warning title=Job report::"+limit+": "+warning) {
			t.Errorf("the job's log does not say %q:\n%s", warning, log)
		}
	}
	return s
}

// eatMemory is a job of which the kernel kills three processes, each of which needs more memory than the machine has.
const eatMemory = `for n in 1 2 3; do bash -c 'x=$(head -c 900M /dev/zero | tr "\0" x); sleep 2' || :; done; sleep 2`

// inContainer runs a command as in a container: in a control group of its own, with less memory than the machine. The
// hook runs outside, as for a job in a container.
const inContainer = `g=$(sed -n 's,^[0-9]*:memory:,/sys/fs/cgroup/memory,p' /proc/1/cgroup); g=${g%/init.scope}/job
mkdir -p $g; echo 64M >$g/memory.limit_in_bytes
bash -c "echo \$\$ >$g/cgroup.procs; x=\$(head -c 300M /dev/zero | tr '\0' x)" || :; sleep 6
`

func atHome(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }

// TestJobLimits: a job that really uses up a machine's resources.
func TestJobLimits(t *testing.T) {
	runAll(t, []scenario{
		eats(scenario{
			name: "memory", kills: true, plan: job(eatMemory),
			args: []string{"--memory", "600m", "--memory-swap", "600m"},
		}, "memory", "the kernel killed 3 processes; peak 0.6 of 0.6 GiB: take a type with more memory, for "+
			"example t3.large",
			func(r bootstrap.JobReport) bool {
				return r.Killed == 3 && r.Memory == 600<<10 && r.MemoryPeak > 590<<10
			}),
		eats(scenario{name: "memory of a container", kills: true, plan: job(inContainer)}, "container",
			"the kernel killed 1 process at the memory limit of a container, not of the machine: raise that limit",
			func(r bootstrap.JobReport) bool { return r.Killed == 1 && !slices.Contains(r.Limits, "memory") }),
		eats(scenario{
			name: "disk", args: []string{"--tmpfs", "/opt/runner/_work:size=40m"},
			plan: job("dd if=/dev/zero of=big bs=1M || :; sleep 6"), // a job of less than a second has no line
		}, "disk", "peak 0.0 of 0.0 GiB",
			func(r bootstrap.JobReport) bool { return r.Disk == 40<<10 && r.DiskPeak > 39<<10 }),
		eats(scenario{
			name: "processors",
			plan: job("for n in {1..24}; do timeout 25 nice -n 19 bash -c 'while :; do :; done' & done; wait"),
		}, "cpu", "busy ", func(r bootstrap.JobReport) bool { return r.CPU >= 95 && r.Load > 400 && r.Seconds >= 24 }),
	})
}

// kernelOf replaces a file of the kernel by one that a script makes from $real every half second.
func kernelOf(script, file string) string {
	return fmt.Sprintf(`mkdir -p /real; mount -t proc proc /real; made() { real=/real/%[1]s; %[2]s; }
made >/made; mount --bind /made /proc/%[1]s
export -f made
setsid bash -c 'while sleep .5; do made >/made.new; cat /made.new >/made; done' </dev/null >/dev/null 2>&1 &
`, file, script)
}

// TestKernels: steal time of the processor, and an old kernel that does not count killed processes.
func TestKernels(t *testing.T) {
	// Two thirds of the time, whatever this host is doing.
	const steal = `awk 'NR == 1 { $9 += 2 * ($2 + $3 + $4 + $5 + $6 + $7 + $8) } { print }' $real`
	runAll(t, []scenario{
		eats(scenario{
			name: "CPU credits are used up", plan: job("sleep 12"), before: kernelOf(steal, "stat"),
		}, "steal", "", func(r bootstrap.JobReport) bool { return r.Steal >= 50 && r.Steal <= 90 }),
		{
			name: "Linux before 4.13", image: parts.preinstalled, spec: reported(atHome), plan: job("sleep 6"),
			before: kernelOf("sed /oom_kill/d $real", "vmstat"),
			check: func(t *testing.T, i *instance) {
				log := i.jobLog(t, "a")
				if r := i.report(t, 1); r.Killed != -1 || !strings.Contains(log, "killed by the kernel: unknown") {
					t.Errorf("the console has %+v, the job's log:\n%s", r, log)
				}
			},
		},
	})
}

// maxReporterCost is how much of one core sampling may cost.
const maxReporterCost = 0.003

// TestReporterCost: what sampling costs, by the processor time of its processes and of all that they have started,
// which does not depend on other cases.
func TestReporterCost(t *testing.T) {
	t.Parallel()
	s := scenario{image: parts.preinstalled, spec: reported(atHome), plan: func(p *plan.Plan) {
		p.LifeCycle = "spot" // then it asks for notices too
		job("sleep 150")(p)
	}}
	i := s.boot(t)
	i.wait("job a begins", soon)
	pause(10 * time.Second)
	const ticks = `for p in $(pgrep -f 'boot report'); do read -ra f </proc/$p/stat; ` +
		`echo $((f[13] + f[14] + f[15] + f[16])); done | awk '{ n += $1 } END { print n }'`
	count := func() (n int, at time.Duration) {
		n, err := strconv.Atoi(i.sh(ticks))
		must(t, err)
		return n, monotonic()
	}
	first, from := count()
	pause(2 * time.Minute)
	last, to := count()
	cost := float64(last-first) / 100 / (to - from).Seconds()
	t.Logf("sampling takes %.2f %% of a core: %d ticks of 10 ms in %.0f s", 100*cost, last-first, (to - from).Seconds())
	if last == first || cost > maxReporterCost {
		t.Errorf("want more than 0 and at most %.1f %%", 100*maxReporterCost)
	}
}

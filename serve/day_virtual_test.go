package serve_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var wholeDay = flag.Bool("day", false, "run a whole day of 5,000 jobs, and not an hour or so of it")

// day is a day of jobs.
type day struct {
	sets, jobs int
	lasts      time.Duration
	most       float64 // calls a job, to EC2 and to GitHub
}

// TestDay takes 20 sets through a day of 5,000 jobs with weather at all its hours, or, without -day, 4 sets through
// an hour and a quarter: every job is done, none cut off, nothing is left, and the calls that a job takes are few.
func TestDay(t *testing.T) {
	d := day{sets: 4, jobs: 200, lasts: 75 * time.Minute, most: 12} // all of a day's trouble falls on few jobs
	if *wholeDay {
		d = day{sets: 20, jobs: 5000, lasts: 24 * time.Hour, most: 6}
	}
	world := d.world(t)
	inBubble(t, world, d.file(), func(s *stage) {
		life := s.supervise(0, false, false)
		s.liveThrough(d, life)
		s.world.ClearFaults()
		s.until("done", 2*time.Hour, s.allDone)
		s.nothingLeft(15 * time.Minute)
		processes := life.end()
		toEC2, toGitHub, polls := s.callsAJob()
		s.t.Logf("%d jobs in %d sets, %d processes: calls a job: %.2f to EC2, %.2f to GitHub beside %.2f polls",
			d.jobs, d.sets, processes, toEC2, toGitHub, polls)
		if toEC2 > d.most || toGitHub > d.most {
			s.t.Errorf("a job took %.2f calls to EC2 and %.2f to GitHub", toEC2, toGitHub)
		}
		if *wholeDay {
			record(s.t, "day", map[string]float64{"jobs": float64(d.jobs), "sets": float64(d.sets),
				"processes": float64(processes), "ec2": toEC2, "github": toGitHub, "polls": polls})
		}
	})
}

// file has sets of different sizes, none of which is always enough.
func (d day) file() (sets []config.Set) {
	for i := range d.sets {
		sets = append(sets, aSet(fmt.Sprintf("set-%02d", i), 4+3*(i%6)))
	}
	return sets
}

// world queues the jobs: half of them spread over the day, the others as bursts of up to twenty. Machines that do not
// boot are TestNeverRegisters': GitHub fails a job after fifteen minutes without a runner, of which a killed process
// may cost ten, until its session lapses, and such a machine five more.
func (d day) world(t *testing.T) simulator.Config {
	t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(d.jobs)))
	world := simulator.Config{ForeignInstances: 3, ForeignRunners: 3}
	world.ScaleSets.StatisticsDelay = 2 * time.Second
	for left := d.jobs; left > 0; {
		count := 1
		if random.IntN(10) == 0 {
			count = min(left, 2+random.IntN(19))
		}
		world.ScaleSetJobs = append(world.ScaleSetJobs, simulator.ScaleSetJob{
			Set: fmt.Sprintf("set-%02d", random.IntN(d.sets)), Count: count,
			After:    time.Duration(random.Int64N(int64(d.lasts))),
			Duration: time.Minute + time.Duration(random.ExpFloat64()*float64(4*time.Minute)),
		})
		left -= count
	}
	return world
}

// moment is when something lasting begins, or a process ends, as a share of the day.
type moment struct {
	at    float64
	lasts time.Duration // 0 for what has no end
	what  func(*stage, *supervisor)
}

func outage(service, operation, code string, status int) func(*stage, *supervisor) {
	return func(s *stage, _ *supervisor) {
		s.world.AddFault(simulator.Fault{Match: simulator.Match{Service: service, Operation: operation},
			Effect: simulator.EffectError, Code: code, Status: status})
	}
}

func end(kill bool) func(*stage, *supervisor) {
	return func(_ *stage, life *supervisor) { life.signals <- signal{kill} }
}

var moments = []moment{
	{at: 0.15, what: end(true)},
	{0.30, 10 * time.Minute, outage("ec2", "RunInstances", "InsufficientInstanceCapacity", 0)},
	{at: 0.45, what: end(false)},
	{0.50, 4 * time.Minute, outage("actions", "", "", http.StatusServiceUnavailable)},
	{at: 0.60, what: func(s *stage, _ *supervisor) { s.world.RevokeScaleSetTokens() }},
	{0.65, 4 * time.Minute, outage("ec2", "", "InternalError", 0)},
	{0.75, 4 * time.Minute, outage("github", "", "", http.StatusBadGateway)},
	{at: 0.85, what: end(true)},
}

// liveThrough lets a day pass. Every four minutes or so something goes wrong for a call or three.
func (s *stage) liveThrough(d day, life *supervisor) {
	random := rand.New(rand.NewPCG(2, uint64(d.jobs)))
	begun, next, nextWeather := time.Now(), 0, time.Now()
	var fixed time.Time
	for time.Since(begun) < d.lasts {
		<-time.After(20 * time.Second)
		s.withinMax(time.Since(begun).String())
		if !fixed.IsZero() && time.Now().After(fixed) {
			s.world.ClearFaults()
			fixed = time.Time{}
		}
		if next < len(moments) && time.Since(begun) >= time.Duration(moments[next].at*float64(d.lasts)) {
			moments[next].what(s, life)
			if moments[next].lasts > 0 {
				fixed = time.Now().Add(moments[next].lasts)
			}
			next++
		}
		if time.Now().After(nextWeather) {
			f := weather[random.IntN(len(weather))]
			f.Times = 1 + random.IntN(3)
			s.world.AddFault(f)
			nextWeather = time.Now().Add(time.Duration(60+random.IntN(360)) * time.Second)
		}
	}
}

// weather is what goes wrong for a call.
var weather = func() (list []simulator.Fault) {
	add := func(operation string, faults ...simulator.Fault) {
		for _, f := range faults {
			f.Match.Operation = operation
			list = append(list, f)
		}
	}
	lost, half := simulator.Fault{Effect: simulator.EffectCutAfter}, simulator.Fault{Effect: simulator.EffectCutMiddle}
	fails := simulator.Fault{Effect: simulator.EffectError, Status: http.StatusBadGateway}
	done := simulator.Fault{Effect: simulator.EffectErrorAfter, Status: http.StatusBadGateway}
	slow, hangs := simulator.Fault{Effect: simulator.EffectThrottle}, simulator.Fault{Effect: simulator.EffectHang}
	late := simulator.Fault{Effect: simulator.EffectLate, Delay: 20 * time.Second}
	unknown := simulator.Fault{Effect: simulator.EffectError, Status: http.StatusUnauthorized}
	expired := simulator.Fault{Effect: simulator.EffectError, Code: "RunnerScaleSetSessionExpiredException"}
	full := simulator.Fault{Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity"}
	add("RunInstances", lost, half, done, fails, slow, full)
	add("DescribeInstances", fails, slow, hangs)
	add("TerminateInstances", lost, slow)
	add("GenerateJitRunnerConfig", lost, half, done, slow, unknown)
	add("GetMessage", lost, half, fails, late, hangs, unknown, expired)
	add("DeleteMessage", lost, fails, unknown)
	add("CreateMessageSession", lost, fails, simulator.Fault{Effect: simulator.EffectError, Code: "no-queue-url"})
	add("RemoveRunner", done, fails)
	add("actions/list-self-hosted-runners-for-repo", fails, slow, half)
	return list
}()

// callsAJob counts the calls of a day by job.
func (s *stage) callsAJob() (toEC2, toGitHub, polls float64) {
	jobs := float64(len(s.world.Jobs()))
	kinds := map[string]int{}
	for _, c := range s.world.Calls() {
		kinds[c.Service+" "+c.Operation]++
		switch {
		case c.Operation == "GetMessage":
			polls += 1 / jobs
		case c.Service == "ec2":
			toEC2 += 1 / jobs
		case c.Service == "github", c.Service == "actions":
			toGitHub += 1 / jobs
		}
	}
	s.t.Logf("calls: %v", kinds)
	return toEC2, toGitHub, polls
}

package serve_test

import (
	"slices"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// peak waits until something is so, and returns how many instances lived at most meanwhile.
func (s *stage) peak(is func() bool, limit time.Duration) (most int, took time.Duration) {
	s.t.Helper()
	begun := time.Now()
	for !is() {
		instances, _ := s.world.Leftovers()
		if most = max(most, len(instances)); time.Since(begun) > limit {
			s.t.Fatalf("not so after %s: jobs %v", limit, s.states())
		}
		<-time.After(time.Second)
	}
	return most, time.Since(begun)
}

// TestTwoHundredJobs: with a maximum of a hundred there are never more machines than that, and all jobs are done in
// little more than the time that EC2's limit of two launches a second and two rounds of a hundred allow.
func TestTwoHundredJobs(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 100)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 200, simulator.ScaleSetJob{Duration: time.Minute})
		most, took := s.peak(s.allDone, 20*time.Minute)
		if most > 100 {
			t.Errorf("%d machines at once", most)
		}
		if throttled := s.throttled(); throttled > 0 {
			t.Errorf("EC2 or GitHub asked %d times to slow down", throttled)
		}
		s.nothingLeft(2 * time.Minute)
		// 200 launches, 4 at once and then one every 0.52 s, or two rounds of a boot, a job and a power-off.
		t.Logf("200 jobs took %s, %d launches", took, len(s.calls("RunInstances")))
		if launches := len(s.calls("RunInstances")); launches != 200 {
			t.Errorf("%d launches for 200 jobs", launches)
		}
		allowed := 200*520*time.Millisecond + 2*s.fastestJob()
		if bound := 115 * allowed / 100; took > bound {
			t.Errorf("it took %s, want at most %s", took, bound)
		}
		record(t, "storm", map[string]float64{"most": float64(most), "seconds": took.Seconds(),
			"allowed": allowed.Seconds()})
	})
}

// fastestJob is how long the fastest job took from its assignment to its end.
func (s *stage) fastestJob() time.Duration {
	var list []time.Duration
	for _, job := range s.world.Jobs() {
		list = append(list, job.Ended.Sub(job.Assigned))
	}
	return slices.Min(list)
}

// throttled counts calls that were refused by a limit.
func (s *stage) throttled() (n int) {
	for _, c := range s.world.Calls() {
		if c.Status == 429 || c.Code == "RequestLimitExceeded" {
			n++
		}
	}
	return n
}

// listening waits until a process has all its sessions.
func (s *stage) listening(p *process, sets int) {
	s.t.Helper()
	s.until("listening", 30*time.Second, func() bool { return len(p.log.with("listening")) >= sets })
	<-time.After(3 * time.Second) // the first look and survey
}

// TestLatency: a job that is assigned while limits are not met is asked for at EC2 within a second.
func TestLatency(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 50)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		for range 20 {
			s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
			<-time.After(7 * time.Second)
		}
		s.until("done", 5*time.Minute, s.allDone)
		var waits []time.Duration
		launches := s.calls("RunInstances")
		for i, job := range s.world.Jobs() {
			waits = append(waits, launches[i].Time.Sub(job.Assigned))
		}
		slices.Sort(waits)
		t.Logf("assigned to RunInstances: median %s, at most %s", waits[10], waits[19])
		if waits[10] > time.Second || waits[19] > 2*time.Second {
			t.Errorf("assigned to RunInstances: median %s, at most %s", waits[10], waits[19])
		}
		record(t, "latency", map[string]float64{"median": waits[10].Seconds(), "most": waits[19].Seconds()})
	})
}

// TestFairness: a set with one job does not wait behind a set with sixty.
func TestFairness(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("storm", 60), aSet("quiet", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 2)
		s.queue("storm", 60, simulator.ScaleSetJob{})
		<-time.After(8 * time.Second)
		s.queue("quiet", 1, simulator.ScaleSetJob{})
		took := s.until("launched", time.Minute, func() bool {
			return slices.ContainsFunc(p.log.with("machine launched"),
				func(line map[string]any) bool { return line["set"] == "quiet" })
		})
		if took > 10*time.Second {
			t.Errorf("the only job of the quiet set waited %s for its machine", took)
		}
		s.peak(s.allDone, 10*time.Minute)
	})
}

// TestIdle: fifty idle sets make no call but their polls and one look in half a minute.
func TestIdle(t *testing.T) {
	var sets []config.Set
	for i := range 50 {
		sets = append(sets, aSet("set-"+string(rune('a'+i/26))+string(rune('a'+i%26)), 5))
	}
	inBubble(t, simulator.Config{}, sets, func(s *stage) {
		p := s.start("one")
		s.listening(p, 50)
		<-time.After(10 * time.Second) // each set is read twice after its session has begun
		before := len(s.world.Calls())
		<-time.After(10 * time.Minute)
		calls := map[string]int{}
		for _, c := range s.world.Calls()[before:] {
			calls[c.Operation]++
		}
		t.Logf("calls in ten minutes: %v", calls)
		looks := 0
		for operation, n := range calls {
			switch operation {
			case "GetMessage":
				if n > 50*13 {
					t.Errorf("%d polls", n)
				}
			case "DescribeInstances", "actions/list-self-hosted-runners-for-repo":
				looks++
				if n > 21 {
					t.Errorf("%s was called %d times", operation, n)
				}
			default:
				t.Errorf("%s was called %d times", operation, n)
			}
		}
		if looks != 2 {
			t.Errorf("%d kinds of looks", looks)
		}
	})
}

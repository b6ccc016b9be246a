package serve_test

import (
	"slices"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// waste is what a day of jobs costs in waiting and in machines.
type waste struct {
	Jobs   int     `json:"jobs"`
	Waited float64 `json:"waited"` // median seconds from a job's queueing to its start
	Late   float64 `json:"late"`   // the same of the slowest twentieth, at least
	Wasted float64 `json:"wasted"` // seconds a job that machines ran without one
}

// TestWays measures the same day of jobs with machines launched for each job, with warm ones that are only started, and
// with idle runners that are online: the more is kept ready, the less a job waits.
func TestWays(t *testing.T) {
	d := day{sets: 1, jobs: 20, lasts: 30 * time.Minute}
	if *wholeDay {
		d = day{sets: 1, jobs: 300, lasts: 10 * time.Hour}
	}
	ways := map[string]waste{}
	for _, way := range []struct {
		name string
		set  func(*config.Set)
	}{
		{"cold", func(*config.Set) {}},
		{"warm", func(c *config.Set) { c.Warm = 5 }},
		{"min", func(c *config.Set) { c.Min = 3 }},
	} {
		t.Run(way.name, func(t *testing.T) {
			c := aSet("set-00", 50)
			way.set(&c)
			ways[way.name] = d.wasted(t, c)
			t.Logf("%+v", ways[way.name])
		})
	}
	cold, warm, idle := ways["cold"], ways["warm"], ways["min"]
	if warm.Waited > 0.6*cold.Waited || idle.Waited > 0.5*warm.Waited {
		t.Errorf("jobs waited %.1f s cold, %.1f s warm, %.1f s with idle runners", cold.Waited, warm.Waited,
			idle.Waited)
	}
	if cold.Wasted >= idle.Wasted || warm.Wasted >= idle.Wasted {
		t.Errorf("machines ran without a job for %.1f s cold, %.1f s warm, %.1f s with idle runners", cold.Wasted,
			warm.Wasted, idle.Wasted)
	}
	record(t, "ways", ways)
}

// wasted serves the jobs of a day by one set.
func (d day) wasted(t *testing.T, c config.Set) (w waste) {
	t.Helper()
	inBubbleAlone(t, simulator.Config{}, []config.Set{c}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		<-time.After(5 * time.Minute) // the idle and the warm ones are there
		seen := s.watch()
		for _, job := range d.queued() {
			<-time.After(time.Until(seen.begun.Add(job.After)))
			s.world.QueueScaleSetJob(job.Set, job)
		}
		s.until("done", 2*time.Hour, s.allDone)
		<-time.After(time.Minute)
		close(seen.ended)
		<-seen.over
		var waits []float64
		worked := 0.0
		for _, job := range s.world.Jobs() {
			waits = append(waits, job.Started.Sub(job.Queued).Seconds())
			worked += job.Ended.Sub(job.Started).Seconds()
		}
		slices.Sort(waits)
		n := len(waits)
		w = waste{Jobs: n, Waited: waits[n/2], Late: waits[n*19/20], Wasted: (seen.running - worked) / float64(n)}
		p.end()
	})
	return w
}

package serve_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// machineStates counts the machines of the only set by what they do.
func machineStates(s status.Snapshot) map[status.State]int {
	states := map[status.State]int{}
	for _, m := range s.Sets[0].Machines {
		states[m.State]++
	}
	return states
}

// metric is one number of /metrics: a gauge, a counter, or how often a histogram was told something and the sum of it.
func metric(t *testing.T, p *process, name string, labels map[string]string) (value, sum float64) {
	t.Helper()
	var text strings.Builder
	p.Metrics().Write(&text, p.Snapshot())
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families["ec2_github_runner_"+name].GetMetric() {
		got := map[string]string{}
		for _, pair := range m.GetLabel() {
			got[pair.GetName()] = pair.GetValue()
		}
		if maps.Equal(got, labels) {
			h := m.GetHistogram()
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(h.GetSampleCount()), h.GetSampleSum()
		}
	}
	return -1, 0
}

// TestSnapshot follows three jobs of a set with room for two: what is shown is what there is, from the launch to the
// end.
func TestSnapshot(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 2)}, func(s *stage) {
		p := s.start("one")
		if first := p.Snapshot(); first.Sets[0].Session != status.Connecting || !first.Looked.IsZero() {
			t.Errorf("at first %+v", first)
		}
		s.listening(p, 1)
		job := simulator.ScaleSetJob{Duration: 2 * time.Minute, Name: "test (1.26)", Run: 42}
		s.queue("ec2-amd64", 3, job)
		s.until("launching", 5*time.Second, func() bool { return machineStates(p.Snapshot())[status.Launching] == 2 })
		s.until("starting", 10*time.Second, func() bool { return machineStates(p.Snapshot())[status.Starting] == 2 })
		s.until("busy", 2*time.Minute, func() bool { return machineStates(p.Snapshot())[status.Busy] == 2 })
		shown := p.Snapshot()
		set := shown.Sets[0]
		if set.Session != status.Listening || set.Assigned != 2 || set.Running != 2 || set.Waiting != 1 ||
			set.Max != 2 || shown.At.Sub(shown.Looked) > 35*time.Second || shown.Unseen != "" {
			t.Errorf("shown %+v", shown)
		}
		m := set.Machines[0]
		if m.Job.Name != job.Name || m.Job.Repository != "demo-org/demo" || m.Job.Run != 42 || m.Job.Since.IsZero() ||
			m.Instance == "" || m.Type != "t3.xlarge" || m.Region != "us-east-1" || m.Since.IsZero() {
			t.Errorf("machine %+v", m)
		}
		s.until("ending", 5*time.Minute, func() bool { return machineStates(p.Snapshot())[status.Ending] > 0 })
		for _, m := range p.Snapshot().Sets[0].Machines {
			if m.State == status.Ending && !m.Job.Since.IsZero() {
				t.Errorf("the job of %+v is over, and is shown as one that runs", m)
			}
		}
		s.until("done", 10*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		s.until("nothing is shown", time.Minute, func() bool { return len(p.Snapshot().Sets[0].Machines) == 0 })
		one := map[string]string{"set": "ec2-amd64"}
		if n, sum := metric(t, p, "launch_to_online_seconds", one); n != 3 || sum < 3*5 || sum > 3*60 {
			t.Errorf("%g launches came online in %g s together", n, sum)
		}
		if n, sum := metric(t, p, "queued_to_started_seconds", one); n != 3 || sum < 120 || sum > 400 {
			t.Errorf("%g jobs have waited %g s together", n, sum)
		}
		if n, _ := metric(t, p, "jobs_completed_total", map[string]string{"set": "ec2-amd64",
			"result": "succeeded"}); n != 3 {
			t.Errorf("%g jobs are counted as done", n)
		}
	})
}

// TestShownRefusals: a refusal is shown once, with how often it came, its hint, and until when nothing is launched.
func TestShownRefusals(t *testing.T) {
	world := simulator.Config{Capacity: []simulator.Pool{{InstanceType: "t3.xlarge"}}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("refused often", 10*time.Minute, func() bool {
			set := p.Snapshot().Sets[0]
			return len(set.Refusals) == 1 && set.Refusals[0].Times >= 3
		})
		set := p.Snapshot().Sets[0]
		if r := set.Refusals[0]; !strings.Contains(r.Message, "InsufficientInstanceCapacity") || r.Hint == "" {
			t.Errorf("refusal %+v", r)
		}
		if set.Paused.IsZero() || set.Waiting != 1 {
			t.Errorf("shown %+v", set)
		}
		counted, _ := metric(t, p, "refusals_total", map[string]string{"set": "ec2-amd64", "by": "ec2",
			"code": "InsufficientInstanceCapacity"})
		if asked := len(s.calls("RunInstances")); counted != float64(asked) {
			t.Errorf("%g refusals are counted, and EC2 has refused %d", counted, asked)
		}
	})
}

// TestShownStandby: who waits for another's session is shown as a standby, which is nobody's refusal.
func TestShownStandby(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		s.listening(s.start("one"), 1)
		second := s.start("two")
		s.until("standby", 10*time.Second, func() bool { return second.Snapshot().Sets[0].Session == status.Standby })
		<-time.After(time.Minute)
		if set := second.Snapshot().Sets[0]; len(set.Refusals) > 0 || !strings.Contains(set.Problem, "standby") {
			t.Errorf("shown %+v", set)
		}
		if n, _ := metric(t, second, "refusals_total", map[string]string{"set": "ec2-amd64", "by": "github",
			"code": "409"}); n != -1 {
			t.Errorf("%g refusals are counted", n)
		}
	})
}

// TestShownDenied: credentials that GitHub refuses are shown with what to do.
func TestShownDenied(t *testing.T) {
	inBubble(t, simulator.Config{}, []config.Set{aSet("ec2-amd64", 10)}, func(s *stage) {
		s.file.GitHub.URL = "https://github.com/demo-org/other"
		p := s.start("one")
		s.until("refused", time.Minute, func() bool { return p.Snapshot().Sets[0].Session == status.Refused })
		set := p.Snapshot().Sets[0]
		if set.Hint == "" || len(set.Refusals) != 1 || set.Refusals[0].Hint != set.Hint {
			t.Errorf("shown %+v", set)
		}
		s.until("unseen is shown", time.Minute, func() bool { return p.Snapshot().Unseen != "" })
	})
}

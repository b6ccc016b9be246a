package sweep

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestServed: a machine of a scale set is left to its server until it expires, and then judged like any other.
func TestServed(t *testing.T) {
	now := surveyed
	machine := func(change map[string]string) ec2.Instance {
		i := ec2.Instance{ID: "i-1", State: ec2.Running, LaunchTime: now.Add(-25 * time.Hour), Tags: map[string]string{
			key.Scope: "org", key.Mode: tags.ModeServe, key.ScaleSet: "gpu", key.RunnerName: "ec2-gpu-a",
			key.RunnerID:  "7",
			key.ExpiresAt: tags.Stamp(now.Add(-time.Hour)),
		}}
		for name, value := range change {
			i.Tags[name] = value
		}
		return i
	}
	for _, c := range []struct {
		name    string
		i       ec2.Instance
		runners []github.Runner
		unseen  bool
		want    Act
	}{
		{"its time is over", machine(nil), nil, false, Terminated},
		{"its time is over, and it is idle", machine(nil), []github.Runner{{ID: 7, Name: "ec2-gpu-a", Online: true}},
			false,
			Terminated},
		{"a job runs on it", machine(nil), []github.Runner{{ID: 7, Name: "ec2-gpu-a", Busy: true}}, false, Spared},
		{"whether a job runs on it cannot be seen", machine(nil), nil, true, Spared},
		{"its time is not over", machine(map[string]string{key.ExpiresAt: tags.Stamp(now.Add(time.Hour))}), nil, false,
			Spared},
		{"its time is not known", machine(map[string]string{key.ExpiresAt: "soon"}), nil, false, Spared},
		{"another organization's", machine(map[string]string{key.Scope: "other"}), nil, false, Ignored},
		{"another repository's", machine(map[string]string{key.Repository: "org/other"}), nil, false, Ignored},
	} {
		s := &survey{now: now, grace: 10 * time.Minute, scope: "org", repository: "org/repo", whole: true,
			listed: !c.unseen, runs: map[string]runState{}, instances: []ec2.Instance{c.i}, runners: c.runners}
		got := Ignored
		for _, v := range s.verdicts() {
			if v.instance.ID == c.i.ID {
				got = v.act
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

package tags

import (
	"testing"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestRunnerOf: by id, else by name, else the runners with the label.
func TestRunnerOf(t *testing.T) {
	runners := []github.Runner{{ID: 1, Name: "a", Labels: []string{"GPU"}}, {ID: 2, Name: "b", Labels: []string{"gpu"},
		Busy: true}, {ID: 3, Name: "c"}}
	for _, c := range []struct {
		name string
		tags map[string]string
		want int64
		work bool
	}{
		{"by id", map[string]string{key.RunnerID: "1", key.RunnerName: "b", key.Label: "gpu"}, 1, false},
		{"registered anew", map[string]string{key.RunnerID: "9", key.RunnerName: "b", key.Label: "gpu"}, 2, true},
		{"by label", map[string]string{key.Label: "gpu"}, 0, true},
		{"no such label", map[string]string{key.Label: "fpga"}, 0, false},
	} {
		i := ec2.Instance{Tags: c.tags}
		if r, _ := Of(i).Runner(runners); r.ID != c.want || Of(i).MayBeBusy(runners) != c.work {
			t.Errorf("%s: got %d, at work %t", c.name, r.ID, Of(i).MayBeBusy(runners))
		}
	}
}

package sweep

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestExistingMachinesAreOnlyStopped: a sweep never terminates, marks or deregisters a machine that belongs to the
// user. It stops one only if a start of a finished run has started it and no job can be running on it.
func TestExistingMachinesAreOnlyStopped(t *testing.T) {
	t.Parallel()
	halted := 0
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		for n, i := range s.instances {
			if rapid.Bool().Draw(t, "likely") { // one that is stopped unless another rule spares it
				s.instances[n].State = ec2.Running
				for key, value := range map[string]string{
					key.Scope: ourScope, key.Repository: ourRepository, key.Mode: tags.ModeExisting,
					key.Found:     tags.FoundStopped,
					key.RunID:     "1",
					key.StartedAt: i.LaunchTime.Format(time.RFC3339),
				} {
					if rapid.IntRange(0, 9).Draw(t, "odd") > 0 {
						i.Tags[key] = value
					}
				}
			}
		}
		for _, v := range s.verdicts() {
			i := v.instance
			isExisting := i.Tags[key.Scope] != "" && i.Tags[key.Mode] == tags.ModeExisting
			switch {
			case !isExisting && v.act == Halted:
				t.Fatalf("%s is not an existing machine, but it is stopped", i.ID)
			case isExisting && (changes(v.act) || v.act == Deregistered):
				t.Fatalf("%s is an existing machine, but it is %s", i.ID, v.act)
			case v.act != Halted:
				continue
			}
			halted++
			switch {
			case !oursByTags(i):
				t.Fatalf("%s is foreign, but it is stopped", i.ID)
			case i.Tags[key.Found] != tags.FoundStopped:
				t.Fatalf("%s was running before, but it is stopped", i.ID)
			case s.runs[i.Tags[key.RunID]] != runOver:
				t.Fatalf("the run of %s is not over, but it is stopped", i.ID)
			case !s.listed:
				t.Fatalf("the state of the runner of %s is unknown, but it is stopped", i.ID)
			case s.now.Sub(i.LaunchTime) < s.grace || i.State != ec2.Running:
				t.Fatalf("%s is young or %s, but it is stopped", i.ID, i.State)
			case i.Tags[key.StartedAt] != "" && !tags.Of(i).StartedAt.IsZero() &&
				!tags.Of(i).StartedAt.Equal(i.LaunchTime):
				t.Fatalf("%s was started since, but it is stopped", i.ID)
			}
			for _, r := range s.runners {
				if r.Busy && (tags.Of(i).RunnerID == r.ID || tags.Of(i).RunnerID == 0 &&
					i.Tags[key.RunnerName] == r.Name) {
					t.Fatalf("the runner of %s is busy, but it is stopped", i.ID)
				}
			}
		}
		for _, v := range s.verdicts() {
			if v.act != Deregistered {
				continue
			}
			for _, i := range s.instances {
				if i.Tags[key.Scope] != "" && i.Tags[key.Mode] == tags.ModeExisting && oursByTags(i) &&
					tags.Of(i).RunnerID == v.runner.ID {
					t.Fatalf("the registration %d of %s, an existing machine, is removed", v.runner.ID, i.ID)
				}
			}
		}
	})
	if halted == 0 {
		t.Error("no survey stopped a machine, so nothing is proved")
	}
}

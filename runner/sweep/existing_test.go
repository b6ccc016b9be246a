package sweep

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestExistingMachinesAreOnlyStopped: whatever a sweep sees, a machine that the user keeps is never terminated, marked
// or deregistered, and it is stopped only when a start of a run that is over has started it and no job can be running
// on it.
func TestExistingMachinesAreOnlyStopped(t *testing.T) {
	t.Parallel()
	halted := 0
	rapid.Check(t, func(t *rapid.T) {
		s := anySurvey(t)
		for n, i := range s.instances {
			if rapid.Bool().Draw(t, "likely") { // one that is stopped if nothing else speaks for it
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
				t.Fatalf("%s is no machine that is kept, and it is stopped", i.ID)
			case isExisting && (changes(v.act) || v.act == Deregistered):
				t.Fatalf("%s is kept, and it is %s", i.ID, v.act)
			case v.act != Halted:
				continue
			}
			halted++
			switch {
			case !oursByTags(i):
				t.Fatalf("%s is foreign, and it is stopped", i.ID)
			case i.Tags[key.Found] != tags.FoundStopped:
				t.Fatalf("%s ran before, and it is stopped", i.ID)
			case s.runs[i.Tags[key.RunID]] != runOver:
				t.Fatalf("the run of %s is not over, and it is stopped", i.ID)
			case !s.listed:
				t.Fatalf("nobody could see what the runner of %s does, and it is stopped", i.ID)
			case s.now.Sub(i.LaunchTime) < s.grace || i.State != ec2.Running:
				t.Fatalf("%s is young or %s, and it is stopped", i.ID, i.State)
			case i.Tags[key.StartedAt] != "" && !tags.Of(i).StartedAt.IsZero() &&
				!tags.Of(i).StartedAt.Equal(i.LaunchTime):
				t.Fatalf("%s was started since, and it is stopped", i.ID)
			}
			for _, r := range s.runners {
				if r.Busy && (tags.Of(i).RunnerID == r.ID || tags.Of(i).RunnerID == 0 &&
					i.Tags[key.RunnerName] == r.Name) {
					t.Fatalf("the runner of %s is busy, and it is stopped", i.ID)
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
					t.Fatalf("the registration %d of %s, which is kept, is removed", v.runner.ID, i.ID)
				}
			}
		}
	})
	if halted == 0 {
		t.Error("no machine was stopped in any of the surveys, so nothing is proved")
	}
}

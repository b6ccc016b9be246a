package tags

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestRunnerIDTags: exactly the ids of the group can be read back, and every value is short enough for EC2.
func TestRunnerIDTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 400), 1, 120, rapid.ID[int64]).Draw(t, "ids")
		tags := RunnerIDTags(ids)
		if len(tags) > 9 {
			t.Fatalf("%d tags", len(tags))
		}
		for key, value := range tags {
			if utf8.RuneCountInString(value) > maxTagValue || len(key) > 128 {
				t.Fatalf("%s=%s is longer than EC2 accepts", key, value)
			}
		}
		instance, given := ec2.Instance{Tags: tags}, map[int64]bool{}
		for _, id := range ids {
			given[id] = true
		}
		for id := range int64(402) {
			if Of(instance).NamesRunner(id) != given[id] {
				t.Fatalf("id %d: named %t, given %t, tags %v", id, Of(instance).NamesRunner(id), given[id], tags)
			}
		}
	})
	if got := RunnerIDTags([]int64{75, 21, 22, 23}); len(got) != 1 || got[key.RunnerIDs] != "21-23,75" {
		t.Errorf("tags %v, want 21-23,75", got)
	}
}

package action

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// TestTrailOfManyRounds: repeated refusals with the same message are one row, and so are launches.
func TestTrailOfManyRounds(t *testing.T) {
	t.Parallel()
	var trail []runner.Attempt
	for round := range 15 {
		for _, market := range []string{"spot", "on-demand"} {
			trail = append(trail, runner.Attempt{
				InstanceType: "t3.xlarge", Market: market, Region: "us-east-1", SubnetID: "subnet-1", ImageID: "ami-1",
				Answer: "InsufficientInstanceCapacity: none", Took: time.Second, Round: round,
			})
		}
		if round == 14 {
			last := &trail[len(trail)-1]
			last.Answer, last.InstanceIDs = "", []string{"i-1", "i-2"}
		}
	}
	var b strings.Builder
	trailTable(&b, trail)
	want := "Capacity was requested in 15 rounds.\n\n" +
		"| tried | region | subnet | image | answer | took | times |\n|---|---|---|---|---|---|---|\n" +
		"| `t3.xlarge` spot | us-east-1 | subnet-1 | ami-1 | InsufficientInstanceCapacity: none | 15.0 s | 15 |\n" +
		"| `t3.xlarge` on-demand | us-east-1 | subnet-1 | ami-1 | InsufficientInstanceCapacity: none | 14.0 s | 14 " +
		"|\n" +
		"| `t3.xlarge` on-demand | us-east-1 | subnet-1 | ami-1 | `i-1 i-2` | 1.0 s | 1 |\n\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	b.Reset()
	for n := range 50 { // by JIT each is a call of its own
		trail = append(trail, runner.Attempt{InstanceType: "t3.large", Market: "spot",
			InstanceIDs: []string{fmt.Sprintf("i-%d", n)}})
	}
	trailTable(&b, trail)
	if !strings.Contains(b.String(), "| `t3.large` spot | – | – | – | 50 instances | 0.0 s | 50 |\n") {
		t.Errorf("fifty launches of one offering are not one row:\n%s", b.String())
	}
	b.Reset()
	trailTable(&b, trail[:1])
	if b.Len() > 0 {
		t.Errorf("one attempt makes a table:\n%s", b.String())
	}
}

// TestSummaryOfMany: the summary of two hundred runners stays readable.
func TestSummaryOfMany(t *testing.T) {
	t.Parallel()
	result := runner.StartResult{Took: 30 * time.Second}
	for n := range 200 {
		result.Runners = append(result.Runners, runner.Started{
			Handoff: tags.Handoff{Label: "build", InstanceID: fmt.Sprintf("i-%017x", n), InstanceType: "t3.xlarge",
				Market: "on-demand"},
			Timeline: runner.Timeline{Registered: time.Second, Launched: 3 * time.Second, Running: 8 * time.Second,
				Online: time.Duration(20+n%10) * time.Second},
		})
	}
	result.Runners[7].Failed = true
	text := startSummary(result)
	for _, line := range []string{
		"### 199 EC2 runners are ready after 30.0 s", "1 of 200 were given up and removed", "| and 150 more |",
		"| launched | 199 | 3.0 s | 3.0 s |", "| online | 199 | 20.0 s | 29.0 s |",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the summary lacks %q", line)
		}
	}
	if lines := strings.Count(text, "\n"); lines > 80 {
		t.Errorf("the summary has %d lines", lines)
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestReadme: README's workflow has a start step with what the demo needs, and its machine terminates itself.
func TestReadme(t *testing.T) {
	t.Parallel()
	steps, err := readSteps("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"role-to-assume", "aws-region", "app-client-id", "app-private-key", "ec2-image-id",
		"ec2-instance-type", "subnet-id", "security-group-id"} {
		if steps.start[name] == "" {
			t.Errorf("the start step has no %s", name)
		}
	}
	if steps.start["ephemeral"] != "true" || steps.stop != nil {
		t.Errorf("the first workflow is not that of a single-use machine: %v, %v", steps.start, steps.stop)
	}
	config := simulator.Defaults()
	steps.furnish(&config)
	if got := config.Images[len(config.Images)-1].ID; got != demoVariables["RUNNER_IMAGE"] {
		t.Errorf("the simulated account has image %s, want %s", got, demoVariables["RUNNER_IMAGE"])
	}
}

// TestThreeJobs: the demo also supports machulav's form, with a stop step.
func TestThreeJobs(t *testing.T) {
	t.Parallel()
	steps, err := readSteps("../../docs/three-jobs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"role-to-assume", "app-client-id", "app-private-key", "label", "ec2-instance-id"} {
		if steps.stop[name] == "" {
			t.Errorf("the stop step has no %s", name)
		}
	}
}

func TestReadmeWithoutWorkflow(t *testing.T) {
	t.Parallel()
	if _, err := readSteps("workflow.go"); err == nil || !strings.Contains(err.Error(), "no YAML block") {
		t.Errorf("got %v", err)
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	outputs := map[string]string{"ec2-instance-id": "i-1"}
	for value, want := range map[string]string{
		"t3.xlarge":                "t3.xlarge",
		"${{ secrets.A }}":         "hidden",
		"${{ secrets.B }}":         "",
		"${{ vars.RUNNER_IMAGE }}": demoVariables["RUNNER_IMAGE"],
		"${{ needs.start-runner.outputs.ec2-instance-id }}": "i-1",
		"${{ needs.start-runner.outputs.nothing }}":         "",
	} {
		if got := evaluate(value, map[string]string{"A": "hidden"}, outputs); got != want {
			t.Errorf("evaluate(%q) = %q, want %q", value, got, want)
		}
	}
}

// TestLog: log commands as a user sees them: groups, annotations, masked secrets, no debug lines.
func TestLog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := &gitHubLog{out: &out}
	for _, part := range []string{"::add-mask::sec", "ret\n::group::A title\ninside secret\n::debug::hidden\n",
		"::endgroup::\n::warning::one%0Atwo\noutside\n"} {
		if _, err := log.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	want := "▼ A title\n  inside ***\n\x1b[33mWarning: one\ntwo\x1b[0m\noutside\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

//go:build real

package act

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// readmeExample is the workflow of docs/many-runners.md between two marks.
func readmeExample(t *testing.T, name string) string {
	t.Helper()
	readme, err := os.ReadFile("../../docs/many-runners.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- "+name+" -->\n```yaml\n")
	text, _, closed := strings.Cut(rest, "```\n<!-- /"+name+" -->")
	if !found || !closed {
		t.Fatalf("docs/many-runners.md has no example %s", name)
	}
	return text
}

// placed makes a workflow of the documentation run here: this tree for the published action, and things of the world
// for the example's ids.
func placed(t *testing.T, text string) []byte {
	t.Helper()
	arm := ""
	for _, image := range simulator.Defaults().Images {
		if image.Architecture == "arm64" && image.Region == "us-east-1" {
			arm = image.ID
		}
	}
	text = strings.NewReplacer(
		"marqo-ai/ec2-github-runner@v2", "./", "ami-0123456789abcdef0", image().ID, "ami-0123456789abcdef1", arm,
		"ami-0123456789abcdef2", image().ID,
		"subnet-0123456789abcdef0", simulator.Defaults().Subnets[0].ID, "subnet-0123456789abcdef1",
		simulator.Defaults().Subnets[1].ID,
		"sg-0123456789abcdef0", simulator.Defaults().SecurityGroups[0].ID,
	).Replace(text)
	return []byte(text)
}

// The matrix of docs/many-runners.md over three architectures: one start step, three jobs, each on the runner of its
// own, one stop step.
func TestReadmeMatrixOfThreeArchitectures(t *testing.T) {
	c := openClouds(t, simulator.Config{})
	out := c.actText(t, placed(t, readmeExample(t, "many-runners")), "run-1-amd64", "run-1-arm64", "run-1-cuda")
	if out.code != 0 {
		t.Fatalf("act's exit code is %d", out.code)
	}
	done := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^\[[^/\]]*/([a-z]+)(?:-[0-9]+)? *\].*Job `+
		`succeeded`).FindAllStringSubmatch(out.text, -1) {
		done[match[1]]++
	}
	if diff := cmp.Diff(map[string]int{"start": 1, "test": 3, "stop": 1}, done); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	types := map[string]int{}
	for _, i := range c.world.Snapshot().Instances {
		types[i.Type+" "+i.Market]++
	}
	if diff := cmp.Diff(map[string]int{"t3.xlarge on-demand": 1, "a1.xlarge on-demand": 1, "g4dn.xlarge spot": 1},
		types); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	for _, architecture := range []string{"amd64", "arm64", "cuda"} {
		// The job's own words.
		if !regexp.MustCompile(`(?m)\| tests on ` + architecture + `$`).MatchString(out.text) {
			t.Errorf("the log lacks the words of the job on %s", architecture)
		}
		if line := "GitHub self-hosted runner ec2-run-1-" + architecture +
			" is registered and ready to use"; !strings.Contains(out.text, line) {
			t.Errorf("the log lacks %q", line)
		}
	}
	if diff := cmp.Diff(map[string]int{"RunInstances": 3}, c.count("RunInstances")); diff != "" {
		t.Errorf("calls (-want +got): %s%v", diff, slices.Sorted(maps.Keys(types)))
	}
	c.signedIn(t, out.text, 2)
	c.settled(t)
}

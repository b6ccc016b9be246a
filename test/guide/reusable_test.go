//go:build real

package guide

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reusableStep runs the script of one step of runner.yml as GitHub does, and returns its outputs and its log.
func reusableStep(t *testing.T, name string, env map[string]string) (outputs map[string]string, log string, err error) {
	t.Helper()
	text, err := os.ReadFile("../../.github/workflows/runner.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Name string            `yaml:"name"`
				Run  string            `yaml:"run"`
				Env  map[string]string `yaml:"env"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "output")
	command := exec.CommandContext(t.Context(), "true")
	for _, s := range workflow.Jobs["start"].Steps {
		if s.Name == name {
			// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
			command = exec.CommandContext(t.Context(), "bash", "-e", "-c", s.Run)
			for key := range s.Env {
				if _, given := env[key]; !given {
					t.Fatalf("the step needs %s", key)
				}
			}
		}
	}
	if len(command.Args) == 1 {
		t.Fatalf("runner.yml has no step %q", name)
	}
	command.Dir = folder
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GITHUB_OUTPUT=" + file, "RUNNER_TEMP=" + folder,
		"GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=my-org/my-repo",
		"GITHUB_RUN_ID=123", "GITHUB_RUN_ATTEMPT=2",
	}
	for key, value := range env {
		command.Env = append(command.Env, key+"="+value)
	}
	said, err := command.CombinedOutput()
	written, _ := os.ReadFile(file) // a step that fails early writes no outputs
	outputs = map[string]string{}
	for line := range strings.Lines(string(written)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		outputs[key] = value
	}
	entries, err2 := os.ReadDir(folder)
	if err2 != nil {
		t.Fatal(err2)
	}
	for _, entry := range entries {
		if entry.Name() != "output" && entry.Name() != "tags.json" {
			t.Errorf("the step has created %s", entry.Name())
		}
	}
	return outputs, string(said), err
}

// tagged returns the tags that the reusable workflow passes to the action.
func tagged(t *testing.T, workflow, given string) map[string]string {
	t.Helper()
	outputs, log, err := reusableStep(t, "Tags that lead to this run", map[string]string{"WORKFLOW": workflow,
		"GIVEN": given})
	if err != nil || len(outputs) != 1 {
		t.Fatalf("%v, outputs %q\n%s", err, outputs, log)
	}
	var list []struct{ Key, Value string }
	if err := json.Unmarshal([]byte(outputs["tags"]), &list); err != nil {
		t.Fatalf("%v: %s", err, outputs["tags"])
	}
	tags := map[string]string{}
	for _, tag := range list {
		if _, twice := tags[tag.Key]; twice {
			t.Errorf("the tag %s occurs twice, which EC2 refuses", tag.Key)
		}
		tags[tag.Key] = tag.Value
	}
	return tags
}

// TestGuideReusableTags: the run's name and address are in the tags, whatever the workflow's name.
func TestGuideReusableTags(t *testing.T) {
	url := "https://github.com/my-org/my-repo/actions/runs/123/attempts/2"
	tags := tagged(t, "Tests on EC2", "[]")
	if tags["run-url"] != url || tags["workflow"] != "Tests on EC2" || tags["Name"] != "runner my-org/my-repo" ||
		len(tags) != 3 {
		t.Errorf("got %q", tags)
	}
	tags = tagged(t, "x", `[{"Key": "team", "Value": "a b"}, {"Key": "Name", "Value": "mine"}]`)
	if tags["Name"] != "mine" || tags["team"] != "a b" || tags["run-url"] != url || len(tags) != 4 {
		t.Errorf("got %q", tags)
	}
	for name, want := range map[string]string{
		`"; touch hacked; echo "`:        `__ touch hacked_ echo _`,
		"$(touch hacked)`touch hacked`":  "__touch hacked__touch hacked_",
		"'\n::error::x\ntags=[]\n":       "__::error::x_tags=___",
		`\(1+1) "}] + [{"Key":"a`:        `__1+1_ ___ + ___Key_:_a`,
		"Prüfung (größe 1) – 测试":         "Prüfung _größe 1_ _ 测试",
		strings.Repeat("ü", 300):         strings.Repeat("ü", 256),
		"refs/heads/a & b | c > hacked;": "refs/heads/a _ b _ c _ hacked_",
	} {
		got := tagged(t, name, "[]")["workflow"]
		if got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
		if utf8.RuneCountInString(got) > 256 {
			t.Errorf("%q has more than 256 characters", got)
		}
	}
}

// TestGuideReusableRefuses: missing inputs are reported before any call, and invalid tags are never run as code.
func TestGuideReusableRefuses(t *testing.T) {
	for _, given := range []string{"", "{", "[1]", `[{"Value": "a"}]`, `"a"`, `[]; touch hacked`, "$(touch hacked)"} {
		if outputs, log, err := reusableStep(t, "Tags that lead to this run", map[string]string{"WORKFLOW": "x",
			"GIVEN": given}); err == nil || !strings.Contains(log, "must be a JSON array") || len(outputs) != 0 {
			t.Errorf("%q: got %v, %q\n%s", given, err, outputs, log)
		}
	}
	whole := map[string]string{"SHA": strings.Repeat("0a", 20), "ROLE": "arn:aws:iam::1:role/r", "WITH_KEYS": "false",
		"WITH_TOKEN": "true", "WITH_APP": "false"}
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"all there": {nil, ""},
		"keys and an app": {map[string]string{"ROLE": "", "WITH_KEYS": "true", "WITH_TOKEN": "false",
			"WITH_APP": "true"},
			""},
		"no commit":      {map[string]string{"SHA": ""}, "Enterprise Server"},
		"a branch":       {map[string]string{"SHA": "main"}, "Enterprise Server"},
		"no credentials": {map[string]string{"ROLE": ""}, "the input role"},
		"no token":       {map[string]string{"WITH_TOKEN": "false"}, "github-token"},
		"Dependabot": {map[string]string{"WITH_TOKEN": "false", "GITHUB_ACTOR": "dependabot[bot]"},
			"Dependabot secret"},
		"its own secret": {map[string]string{"GITHUB_ACTOR": "dependabot[bot]"}, ""},
	} {
		env := map[string]string{}
		for key, value := range whole {
			env[key] = value
		}
		for key, value := range c.change {
			env[key] = value
		}
		_, log, err := reusableStep(t, "What was given is enough", env)
		if (err == nil) != (c.want == "") || !strings.Contains(log, c.want) {
			t.Errorf("%s: got %v, want %q\n%s", name, err, c.want, log)
		}
	}
}

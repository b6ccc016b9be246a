package script

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// workflow is the part of a workflow that these tests read.
type workflow struct {
	On          triggers `yaml:"on"`
	Permissions any      `yaml:"permissions"`
	Defaults    defaults `yaml:"defaults"`
	Jobs        map[string]workflowJob
}

// triggers are the triggers of a workflow; only the one with inputs is read.
type triggers struct {
	Call struct {
		Inputs map[string]struct {
			Required bool `yaml:"required"`
			Default  any  `yaml:"default"`
		} `yaml:"inputs"`
		Secrets map[string]any `yaml:"secrets"`
		Outputs map[string]struct {
			Value string `yaml:"value"`
		} `yaml:"outputs"`
	} `yaml:"workflow_call"`
}

// UnmarshalYAML ignores "on: push" and "on: [push]".
func (t *triggers) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return nil
	}
	type plain triggers
	return node.Decode((*plain)(t))
}

// defaults are the defaults of a workflow or a job.
type defaults struct {
	Run struct {
		Shell string `yaml:"shell"`
	} `yaml:"run"`
}

type workflowJob struct {
	Uses        string            `yaml:"uses"`
	RunsOn      any               `yaml:"runs-on"`
	Needs       any               `yaml:"needs"`
	Timeout     any               `yaml:"timeout-minutes"`
	Permissions map[string]string `yaml:"permissions"`
	Outputs     map[string]string `yaml:"outputs"`
	With        map[string]any    `yaml:"with"`
	Secrets     any               `yaml:"secrets"`
	Defaults    defaults          `yaml:"defaults"`
	Steps       []struct {
		Name  string            `yaml:"name"`
		ID    string            `yaml:"id"`
		Uses  string            `yaml:"uses"`
		Run   string            `yaml:"run"`
		Shell string            `yaml:"shell"`
		With  map[string]any    `yaml:"with"`
		Env   map[string]string `yaml:"env"`
	} `yaml:"steps"`
}

func readWorkflow(t *testing.T, path string) workflow {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	// In YAML 1.1 the key on means true; the library reads YAML 1.2 into a field of a struct.
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return w
}

func ownWorkflows(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(list) < 4 {
		t.Fatalf("%v, %v", list, err)
	}
	return list
}

// TestActionsArePinned: each foreign action is pinned to a commit with its version beside it, and to the same commit
// everywhere.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$`)
	commits := map[string]string{}
	for _, path := range ownWorkflows(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^[ -]*uses: +(.+)$`).FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(line[1], "./") {
				continue
			}
			found := pinned.FindStringSubmatch(line[1])
			if found == nil {
				t.Errorf("%s: %s is not pinned as owner/name@commit # vX.Y.Z", path, line[1])
				continue
			}
			if other, seen := commits[found[1]]; seen && other != found[2] {
				t.Errorf("%s: %s is pinned to %s here and to %s elsewhere", path, found[1], found[2], other)
			}
			commits[found[1]] = found[2]
		}
	}
	if len(commits) < 6 {
		t.Errorf("only %v are pinned", slices.Sorted(maps.Keys(commits)))
	}
}

// TestWorkflowsAreCareful: expressions reach a script as data, permissions are minimal, and each job has a timeout.
func TestWorkflowsAreCareful(t *testing.T) {
	t.Parallel()
	writers := map[string]string{}
	for _, path := range ownWorkflows(t) {
		w := readWorkflow(t, path)
		if w.Permissions == nil || fmt.Sprint(w.Permissions) == "write-all" {
			t.Errorf("%s: the permissions are %v", path, w.Permissions)
		}
		for name, job := range w.Jobs {
			where := filepath.Base(path) + " " + name
			if job.Uses == "" && job.Timeout == nil {
				t.Errorf("%s has no timeout-minutes", where)
			}
			for right, level := range job.Permissions {
				if level == "write" {
					writers[where] += right + " "
				}
			}
			for _, step := range job.Steps {
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s: a script contains an expression: pass it by env\n%s", where, step.Run)
				}
				if keep := step.With["persist-credentials"]; strings.HasPrefix(step.Uses, "actions/checkout@") &&
					keep != false &&
					where != "release.yml tag" {
					t.Errorf("%s: the checkout keeps its token (set persist-credentials: false)", where)
				}
			}
		}
	}
	for where, rights := range writers {
		parts := strings.Fields(rights)
		slices.Sort(parts)
		writers[where] = strings.Join(parts, " ")
	}
	want := map[string]string{
		"bench-aws.yml clean": "actions id-token", "bench-aws.yml measure": "id-token",
		"release.yml build": "packages", "release.yml image": "attestations id-token packages",
		"release.yml tag":   "contents",
		"release.yml notes": "contents",
		"runner.yml start":  "id-token", "security.yml codeql": "security-events",
	}
	if diff := cmp.Diff(want, writers); diff != "" {
		t.Errorf("who may write what: want (-), got (+)\n%s", diff)
	}
}

// TestReleaseOrder: nothing is built before the check, nothing is tagged before the image can be pulled anonymously,
// and so on.
func TestReleaseOrder(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t, ".github/workflows/release.yml")
	var before func(name string) []string
	before = func(name string) []string {
		var needs []string
		switch n := w.Jobs[name].Needs.(type) {
		case string:
			needs = []string{n}
		case []any:
			for _, each := range n {
				needs = append(needs, each.(string))
			}
		}
		all := slices.Clone(needs)
		for _, need := range needs {
			all = append(all, before(need)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for name, want := range map[string][]string{
		"check": nil, "ci": {"check"}, "build": {"check", "ci"}, "image": {"build", "check", "ci"},
		"try": {"build", "check", "ci", "image"}, "try-serve": {"build", "check", "ci", "image"},
		"tag":   {"build", "check", "ci", "image", "try", "try-serve"},
		"notes": {"build", "check", "ci", "image", "tag", "try", "try-serve"},
	} {
		if diff := cmp.Diff(want, before(name)); diff != "" {
			t.Errorf("before %s: want (-), got (+)\n%s", name, diff)
		}
	}
	if len(w.Jobs) != 8 {
		t.Errorf("%d jobs", len(w.Jobs))
	}
}

// TestRunnerWorkflow compares the reusable workflow with the action, and the example with the reusable workflow.
func TestRunnerWorkflow(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t, ".github/workflows/runner.yml")
	raw, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Inputs  map[string]any `yaml:"inputs"`
		Outputs map[string]any `yaml:"outputs"`
	}
	if err := yaml.Unmarshal(raw, &contract); err != nil {
		t.Fatal(err)
	}
	start := w.Jobs["start"]
	last := start.Steps[len(start.Steps)-1]
	if last.Uses != "./.ec2-github-runner" {
		t.Fatalf("the last step is %s", last.Uses)
	}
	for name, value := range last.With {
		if _, known := contract.Inputs[name]; !known {
			t.Errorf("the action has no input %s", name)
		}
		if _, own := w.On.Call.Inputs[name]; own && name != "aws-resource-tags" && value != "${{ inputs."+name+" }}" {
			t.Errorf("the input %s is passed on as %v", name, value)
		}
	}
	for name := range w.On.Call.Inputs {
		if _, handed := last.With[name]; !handed && name != "role" {
			t.Errorf("the input %s is not passed on", name)
		}
	}
	for name, want := range map[string]string{
		"role-to-assume": "inputs.role", "aws-region": "inputs.region", "app-client-id": "secrets.app-client-id",
		"app-private-key": "secrets.app-private-key", "github-token": "secrets.github-token",
	} {
		if got := last.With[name]; got != "${{ "+want+" }}" {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "${{ secrets.aws-access-key-id }}",
		"AWS_SECRET_ACCESS_KEY": "${{ secrets.aws-secret-access-key }}"}
	if diff := cmp.Diff(keys, last.Env); diff != "" {
		t.Errorf("the environment of the action (-want +got):\n%s", diff)
	}
	for name, output := range w.On.Call.Outputs {
		if _, known := contract.Outputs[name]; !known {
			t.Errorf("the action has no output %s", name)
		}
		if output.Value != "${{ jobs.start.outputs."+name+" }}" || start.Outputs[name] != "${{ steps.start.outputs."+
			name+" }}" {
			t.Errorf("the output %s is %q and %q", name, output.Value, start.Outputs[name])
		}
	}
	checkout := start.Steps[2]
	if !strings.HasPrefix(checkout.Uses, "actions/checkout@") || checkout.With["ref"] != "${{ job.workflow_sha }}" ||
		checkout.With["repository"] != "${{ job.workflow_repository }}" {
		t.Errorf("the action is checked out from %v, not from the workflow's own commit", checkout.With)
	}

	call := readWorkflow(t, "examples/reusable-runner.yml").Jobs["runner"]
	if call.Uses != "marqo-ai/ec2-github-runner/.github/workflows/runner.yml@v2" {
		t.Errorf("the example uses %s", call.Uses)
	}
	for name := range call.With {
		if _, known := w.On.Call.Inputs[name]; !known {
			t.Errorf("the example sets %s, which is not an input", name)
		}
	}
	for name, input := range w.On.Call.Inputs {
		if _, given := call.With[name]; input.Required && !given {
			t.Errorf("the example does not set %s", name)
		}
	}
	secrets, _ := call.Secrets.(map[string]any)
	for name := range secrets {
		if _, known := w.On.Call.Secrets[name]; !known {
			t.Errorf("the example sets %s, which is not a secret", name)
		}
	}
	if call.Permissions["id-token"] != "write" || call.Permissions["contents"] != "read" {
		t.Errorf("the example grants %v", call.Permissions)
	}
}

// TestRunnerWorkflowRuns runs the reusable workflow's step by the real program, with the example's inputs and the
// defaults of the others: it starts runners that take a job each, and nothing is left.
func TestRunnerWorkflowRuns(t *testing.T) {
	t.Parallel()
	w, call := readWorkflow(t, ".github/workflows/runner.yml"),
		readWorkflow(t, "examples/reusable-runner.yml").Jobs["runner"]
	tags := `[{"Key":"Name","Value":"runner ` +
		`demo-org/demo"},{"Key":"run-url","Value":"https://github.com/demo-org/demo/actions/runs/4711/attempts/1"}]`
	for name, given := range map[string]map[string]any{
		"as in the example": call.With,
		"by architecture": {"architecture": "arm64", "subnet-id": call.With["subnet-id"],
			"security-group-id": call.With["security-group-id"], "region": "us-east-1"},
		"different runners": {
			"runners":   "[{name: a, architecture: amd64}, {name: b, architecture: cuda, ec2-volume-size: 80}]",
			"subnet-id": call.With["subnet-id"], "security-group-id": call.With["security-group-id"],
			"region": "us-east-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStage(t)
			s.values["secrets.github-token"], s.values["steps.tags.outputs.tags"] = "", tags
			s.values["secrets.app-client-id"], s.values["secrets.app-private-key"] = s.values["vars.RUNNER_APP"],
				s.values["secrets.RUNNER_APP_KEY"]
			if given["role"] == nil { // by keys and a token
				s.values["secrets.github-token"], s.values["secrets.app-client-id"],
					s.values["secrets.app-private-key"] = "ghp_demo", "", ""
			}
			for input, declared := range w.On.Call.Inputs {
				value := declared.Default
				if given[input] != nil {
					value = given[input]
				}
				if value != nil {
					s.values["inputs."+input] = s.fill(t, fmt.Sprint(value))
				}
			}
			steps, with := w.Jobs["start"].Steps, map[string]string{}
			for input, value := range steps[len(steps)-1].With {
				with[input] = s.fill(t, fmt.Sprint(value))
			}
			outputs := s.run(t, "start", with)
			for output := range w.On.Call.Outputs {
				if outputs[output] == "" && (output != "label" || given["runners"] == nil) {
					t.Errorf("there is no output %s", output)
				}
			}
			tagged := 0
			for _, instance := range s.world.Snapshot().Instances {
				if instance.Tags["Name"] == "runner demo-org/demo" && strings.HasSuffix(instance.Tags["run-url"],
					"/runs/4711/attempts/1") {
					tagged++
				}
			}
			if want := len(strings.Split(outputs["ec2-instance-ids"], ",")); tagged != want {
				t.Errorf("%d instances lead to the run, want %d", tagged, want)
			}
			s.settle(t, false)
		})
	}
}

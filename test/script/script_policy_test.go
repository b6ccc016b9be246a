package script

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/guide"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestScriptsUnderPolicy runs scripts of every mode again, each step with only its mode's policy from
// docs/permissions.md allowed: the one with all features and, for scripts that need no feature, the minimal one.
func TestScriptsUnderPolicy(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := policyBlocks(t, string(page))
	for name, scripts := range map[string][]string{
		"least": {
			"start_and_stop", "spot_moto", "placements_in_order", "matrix", "name_taken", "stop_by_label", "stop_twice",
			"stop_busy",
			"post_step", "killed_then_stop", "sweep_killed", "pool_permissions_missing", "bake_killed", "serve",
		},
		"full": {
			"start_and_stop", "jit", "ephemeral", "outputs_and_summary", "count_like", "runners_unlike", "console",
			"dies_while_booting", "profile_arn", "setup_fails",
			"stop_other_region", "stop_gone", "existing", "existing_killed", "existing_sweep", "sweep_killed",
			"sweep_two_looks",
			"sweep_registration", "sweep_volumes", "check_network", "check_types",
			"pool", "pool_stop", "pool_killed_before_start", "pool_entry_does_not_come_up", "pool_forgotten", "bake",
			"bake_policy", "bake_regions", "serve_killed", "stop_keep", "stop_keep_by_itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policies := map[string]string{}
			for _, mode := range []string{"start", "stop", "sweep", "check", "bake", "pool", "serve"} {
				policies[mode] = joined(t, blocks, mode, name == "full")
			}
			var files []string
			for _, script := range scripts {
				files = append(files, filepath.Join("test/script/testdata", script+".txtar"))
			}
			underPolicies(t, files, policies)
		})
	}
}

// underPolicies runs scripts, each step under the policy of its mode.
func underPolicies(t *testing.T, files []string, policies map[string]string) {
	t.Helper()
	params := scriptParams(files)
	params.UpdateScripts = false
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		err := setup(env)
		env.Values[sceneKey{}] = &scene{policies: policies}
		return err
	}
	testscript.Run(t, params)
}

// TestScriptsUnderTemplate runs scripts of every mode with the permissions of the CloudFormation template: as it is,
// and with its switches set. The repository's name has another case than GitHub's, which GitHub ignores.
func TestScriptsUnderTemplate(t *testing.T) {
	t.Parallel()
	template, err := guide.ReadTemplate("docs/aws/ec2-github-runner.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ parameters, scripts string }{
		"as it is": {"", "start_and_stop jit count_like runners_unlike console stop_other_region sweep_killed " +
			"sweep_two_looks sweep_volumes check_network check_types bake bake_policy"},
		"with its switches": {"Pool=true Existing=true", "start_and_stop pool pool_stop pool_forgotten existing bake"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parameters := map[string]string{"Repository": "Demo-Org/Demo", "OwnerId": "1", "RepositoryId": "2"}
			for parameter := range strings.FieldsSeq(c.parameters) {
				key, value, _ := strings.Cut(parameter, "=")
				parameters[key] = value
			}
			granted, err := template.Policies(parameters)
			if err != nil {
				t.Fatal(err)
			}
			whole := together(t, granted)
			policies := map[string]string{}
			for _, mode := range []string{"start", "stop", "sweep", "check", "bake", "pool"} {
				policies[mode] = whole
			}
			var files []string
			for script := range strings.FieldsSeq(c.scripts) {
				files = append(files, filepath.Join("test/script/testdata", script+".txtar"))
			}
			underPolicies(t, files, policies)
		})
	}
}

// TestScriptsUnderScaleSetsTemplate runs the main scripts of scale sets with the permissions that
// docs/aws/scale-sets.yml grants the task. The scope has another case than GitHub's.
func TestScriptsUnderScaleSetsTemplate(t *testing.T) {
	t.Parallel()
	template, err := guide.ReadTemplate("docs/aws/scale-sets.yml")
	if err != nil {
		t.Fatal(err)
	}
	granted, err := template.Policies(map[string]string{"Scope": "Demo-Org/Demo", "VpcId": "vpc-1",
		"SubnetIds": "subnet-1"})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, script := range []string{"serve", "serve_killed", "serve_reload", "serve_room", "serve_delete_left"} {
		files = append(files, filepath.Join("test/script/testdata", script+".txtar"))
	}
	underPolicies(t, files, map[string]string{"serve": together(t, granted)})
}

// together returns one policy with all statements.
func together(t *testing.T, policies map[string]json.RawMessage) string {
	t.Helper()
	var whole struct {
		Version   string
		Statement []json.RawMessage
	}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		var part struct {
			Version   string
			Statement []json.RawMessage
		}
		if err := json.Unmarshal(policies[name], &part); err != nil {
			t.Fatal(err)
		}
		whole.Version, whole.Statement = part.Version, slices.Concat(whole.Statement, part.Statement)
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPolicyBites: without the statement that a step needs, the step fails. A policy under which nothing can fail would
// prove nothing.
func TestPolicyBites(t *testing.T) {
	page, err := os.ReadFile("docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := policyBlocks(t, string(page))
	for _, c := range []struct{ mode, action string }{{"start", "ec2:RunInstances"}, {"stop", "ec2:TerminateInstances"},
		{"sweep", "ec2:DescribeInstances"}, {"check", "ec2:CreateTags"}} {
		if !strings.Contains(blocks[c.mode], c.action) {
			t.Errorf("the minimal policy of mode %s lacks %s", c.mode, c.action)
		}
	}
	for mark, text := range blocks {
		if strings.Contains(text, `"ec2:*"`) || strings.Contains(text, `"*:*"`) {
			t.Errorf("policy %s allows everything", mark)
		}
	}
}

var policyBlock = regexp.MustCompile("(?s)<!-- policy: ([a-z, ]+) -->\n```json\n(.*?)```")

// policyBlocks returns the page's policies by their marks, for the scripts' repository.
func policyBlocks(t *testing.T, page string) map[string]string {
	t.Helper()
	blocks := map[string]string{}
	for _, found := range policyBlock.FindAllStringSubmatch(page, -1) {
		blocks[found[1]] = strings.NewReplacer("OWNER/REPO", "demo-org/demo", "ACCOUNT", "123456789012", "MACHINE-ROLE",
			"*",
			"KEPT-TAG", "Role", "KEPT-VALUE", "gpu-runner", "SCOPE", "demo-org/demo").Replace(found[2])
	}
	if len(blocks) < 8 {
		t.Fatalf("found %d policies in docs/permissions.md", len(blocks))
	}
	return blocks
}

// joined returns a mode's minimal policy, if wanted with the statements of all its features.
func joined(t *testing.T, blocks map[string]string, mode string, withFeatures bool) string {
	t.Helper()
	type policy struct {
		Version   string
		Statement []json.RawMessage
	}
	var whole policy
	for _, mark := range sorted(blocks) {
		words := strings.Fields(mark)
		if !slices.Contains(strings.Split(words[0], ","), mode) || (len(words) > 1 && !withFeatures) {
			continue
		}
		var part policy
		if err := json.Unmarshal([]byte(blocks[mark]), &part); err != nil {
			t.Fatal(err)
		}
		whole.Version, whole.Statement = part.Version, slices.Concat(whole.Statement, part.Statement)
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// obey puts the policy of a step's mode in force, if the scene has policies.
func (s *scene) obey(ts *testscript.TestScript, env []string) {
	if s.policies == nil {
		return
	}
	for _, entry := range env {
		if mode, ok := strings.CutPrefix(entry, "INPUT_MODE="); ok {
			document, known := s.policies[mode]
			if !known {
				ts.Fatalf("docs/permissions.md has no policy for mode %s", mode)
			}
			s.world.SetPolicy(simulator.Policy{Document: document})
			return
		}
	}
}

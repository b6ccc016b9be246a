package script

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var (
	quoted     = regexp.MustCompile(`'[^']*'`)
	comment    = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	pipe       = regexp.MustCompile(`[^|]\|&?[^|&]`)
	assignment = regexp.MustCompile(`^\s*\w+=(\w*:)?"?\$\([^()]*\)"?$`)
)

// losesFailure returns the part of a script that can fail without failing its step: in a pipe every command but the
// last, unless the shell is named (bash -eo pipefail instead of bash -e), and a substitution that is not the whole
// value of an assignment.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
func losesFailure(script, shell string) string {
	plain := comment.ReplaceAllString(quoted.ReplaceAllString(script, "''"), "")
	if shell != "bash" && pipe.MatchString(plain) {
		return "a pipe without shell: bash"
	}
	for line := range strings.Lines(plain) {
		if strings.Contains(line, "`") {
			return "a substitution by backquotes: " + strings.TrimSpace(line)
		}
		if strings.Contains(line, "$(") && !strings.Contains(line, "$((") &&
			!assignment.MatchString(strings.TrimRight(line, "\n")) {
			return "a substitution within a command: " + strings.TrimSpace(line)
		}
		if strings.Contains(line, "<(") {
			return "a process substitution: " + strings.TrimSpace(line)
		}
	}
	return ""
}

func TestLosesFailure(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{
		"a | tee b":                          true,
		"a |& tee b":                         true,
		"a || b":                             false,
		"echo x=$(a) >>$GITHUB_OUTPUT":       true,
		"echo \"x=$(a)\"":                    true,
		"x=$(a)":                             false,
		"x=\"$(a | b)\"":                     true,
		"local x=$(a)":                       true,
		"if [[ $(a) == b ]]; then c; fi":     true,
		"jq '[.a | .b]' c":                   false,
		"# a | b":                            false,
		"a `b`":                              true,
		"while read -r x; do c; done < <(a)": true,
		"echo $((6 * 7))":                    false,
	} {
		if got := losesFailure(script, ""); (got != "") != want {
			t.Errorf("%q: %q", script, got)
		}
	}
	for _, script := range []string{"a | tee b", "x=$(a | b)"} {
		if got := losesFailure(script, "bash"); got != "" {
			t.Errorf("%q in bash: %q", script, got)
		}
	}
}

// TestNoStepLosesAFailure checks the workflows of the project and of the examples.
func TestNoStepLosesAFailure(t *testing.T) {
	t.Parallel()
	paths := ownWorkflows(t)
	for _, pattern := range []string{"examples/*.yml", "examples/marqo/.github/workflows/*.yml"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %v, %v", pattern, more, err)
		}
		paths = append(paths, more...)
	}
	steps := 0
	for _, path := range paths {
		w := readWorkflow(t, path)
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				if step.Run == "" {
					continue
				}
				steps++
				shell := cmp.Or(step.Shell, job.Defaults.Run.Shell, w.Defaults.Run.Shell)
				if what := losesFailure(step.Run, shell); what != "" {
					t.Errorf("%s: job %s: %s", path, name, what)
				}
			}
		}
	}
	if steps < 40 {
		t.Errorf("only %d steps were looked at", steps)
	}
	for _, path := range ownWorkflows(t) {
		if shell := readWorkflow(t, path).Defaults.Run.Shell; shell != "bash" {
			t.Errorf("%s: the shell of all its steps is %q, want bash", path, shell)
		}
	}
}

// TestMarketplaceRules checks GitHub's requirements for an action in its Marketplace, as far as they can be checked
// here; only the Marketplace shows whether the name is free.
// https://docs.github.com/actions/how-tos/create-and-publish-actions/publish-in-github-marketplace
func TestMarketplaceRules(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
		Author      string `yaml:"author"`
		Branding    struct {
			Icon  string `yaml:"icon"`
			Color string `yaml:"color"`
		} `yaml:"branding"`
	}
	if err := yaml.Unmarshal(raw, &action); err != nil {
		t.Fatal(err)
	}
	if n := len([]rune(action.Description)); n == 0 || n >= 125 {
		t.Errorf("the description has %d characters, and the Marketplace takes fewer than 125", n)
	}
	// A name must not be that of another user or organization; those contain no spaces.
	if !strings.Contains(action.Name, " ") || action.Author == "" {
		t.Errorf("name %q, author %q", action.Name, action.Author)
	}
	// https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#branding
	if !slices.Contains(strings.Fields("white black yellow blue green orange red purple gray-dark"),
		action.Branding.Color) {
		t.Errorf("the color is %q", action.Branding.Color)
	}
	if !slices.Contains(strings.Fields("cloud cpu hard-drive layers play-circle power server terminal zap"),
		action.Branding.Icon) {
		t.Errorf("the icon is %q, of which it is not known here that the Marketplace has it", action.Branding.Icon)
	}
	for _, other := range []string{"action.yaml", "README"} {
		if _, err := os.Stat(other); err == nil {
			t.Errorf("there is %s too: the root must have one metadata file and one README", other)
		}
	}
	if _, err := os.Stat("README.md"); err != nil {
		t.Error(err)
	}
}

package script

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// setting matches a variable or a secret of a repository.
var (
	setting    = regexp.MustCompile(`\b(vars|secrets)\.([A-Za-z_][A-Za-z0-9_-]*)`)
	settingRow = regexp.MustCompile("(?m)^ *\\| (`[A-Z0-9_`, ]+`) \\| ([a-z, ]+) \\|")
	codeName   = regexp.MustCompile("`([A-Z][A-Z0-9_]*)`")
)

// usedSettings returns the settings that expressions in texts use, each with its context, vars or secrets. Inputs of a
// reusable workflow are not settings: they have hyphens and small letters.
func usedSettings(texts ...string) map[string]string {
	used := map[string]string{}
	for _, text := range texts {
		for _, found := range setting.FindAllStringSubmatch(text, -1) {
			if found[2] == strings.ToUpper(found[2]) {
				used[found[2]] = found[1]
			}
		}
	}
	return used
}

// documentedSettings returns the settings that the tables of a page describe.
func documentedSettings(page string) map[string]string {
	list := map[string]string{}
	for _, row := range settingRow.FindAllStringSubmatch(page, -1) {
		names, kinds := codeName.FindAllStringSubmatch(row[1], -1), strings.Split(row[2], ", ")
		for i, name := range names {
			kind := kinds[min(i, len(kinds)-1)]
			list[name[1]] = map[string]string{"variable": "vars", "variables": "vars", "secret": "secrets",
				"secrets": "secrets"}[kind]
		}
	}
	return list
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readTexts(t *testing.T, patterns ...string) (texts []string) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			texts = append(texts, readText(t, path))
		}
	}
	return texts
}

// unread returns the differences between the settings that a page describes and those that workflows read.
func unread(documented, used map[string]string) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if used[name] != documented[name] {
			faults = append(faults, name+" is described as one of "+documented[name]+", but no workflow reads it there")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if documented[name] == "" {
			faults = append(faults, used[name]+"."+name+" is read, but described nowhere")
		}
	}
	return faults
}

// TestSettingsAreRead: each variable and secret that a page tells people to set is read by a workflow, in the right
// context, and vice versa. README and the guide use the same names.
func TestSettingsAreRead(t *testing.T) {
	t.Parallel()
	examples := documentedSettings(readText(t, "examples/README.md"))
	for page, workflows := range map[string][]string{
		"examples/README.md":       readTexts(t, "examples/*.yml"),
		"examples/marqo/README.md": readTexts(t, "examples/marqo/.github/workflows/*.yml"),
	} {
		documented := documentedSettings(readText(t, page))
		if len(documented) < 6 {
			t.Errorf("%s: only %v was found", page, documented)
		}
		// A page may also show a line that replaces one of a workflow.
		for _, fault := range unread(documented, usedSettings(append(workflows, readText(t, page))...)) {
			t.Errorf("%s: %s", page, fault)
		}
	}
	guide := readText(t, "docs/guide.md")
	set := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^gh (variable|secret) set ([A-Z_]+)`).FindAllStringSubmatch(guide,
		-1) {
		set[found[2]] = map[string]string{"variable": "vars", "secret": "secrets"}[found[1]]
	}
	for _, fault := range unread(set, usedSettings(guide)) {
		t.Errorf("docs/guide.md: %s", fault)
	}
	for _, path := range slices.Concat([]string{"README.md"}, glob(t, "docs/*.md"), glob(t, "docs/*/*.md")) {
		text := readText(t, path)
		for name, kind := range usedSettings(text) {
			if examples[name] != kind && !strings.Contains(text, "gh variable set "+name+" ") {
				t.Errorf("%s: %s.%s has another name in examples/README.md", path, kind, name)
			}
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	return paths
}

// TestSettingsThatNothingReads: unread finds such settings.
func TestSettingsThatNothingReads(t *testing.T) {
	t.Parallel()
	page := "| name | kind | what |\n| --- | --- | --- |\n| `A_URL`, `A_KEY` | variable, secret | x |\n| `B`, `C` | " +
		"variables | y |\n"
	documented := documentedSettings(page)
	for workflow, want := range map[string]string{
		"${{ vars.A_URL }} ${{ secrets.A_KEY }} ${{ vars.B || vars.C }}": "",
		"${{ vars.A_URL }} ${{ secrets.A_KEY }} ${{ vars.B " +
			"}}": "C is described as one of vars, but no workflow reads it there",
		"${{ vars.A_URL }} ${{ vars.A_KEY }} ${{ vars.B }} ${{ vars.C " +
			"}}": "A_KEY is described as one of secrets, but no workflow reads it there",
		"${{ vars.A_URL }} ${{ secrets.A_KEY }} ${{ vars.B }}${{ vars.C }}${{ vars.D " +
			"}}": "vars.D is read, but described nowhere",
	} {
		if got := strings.Join(unread(documented, usedSettings(workflow)), "; "); got != want {
			t.Errorf("%s: %q, want %q", workflow, got, want)
		}
	}
}

// TestMarqoEnvironment: the tests read each variable that tox.ini passes on, and a workflow sets it unless it is meant
// for manual runs.
func TestMarqoEnvironment(t *testing.T) {
	t.Parallel()
	byHand := []string{"EXPECTED_MACHINE", "S2SEARCH_STANDIN"}
	read := map[string]bool{}
	for _, text := range readTexts(t, "examples/marqo/tests/*/*.py", "examples/marqo/src/*/*.py") {
		for _, found := range regexp.MustCompile(`environ(?:\.get\(|\[)"([A-Z0-9_]+)"`).FindAllStringSubmatch(text,
			-1) {
			read[found[1]] = true
		}
	}
	tox := readText(t, "examples/marqo/tox.ini")
	set := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^ {10}([A-Z0-9_]+): `).FindAllStringSubmatch(strings.Join(readTexts(t,
		"examples/marqo/.github/workflows/*.yml"), "\n"), -1) {
		set[found[1]] = true
	}
	passed := regexp.MustCompile(`(?m)^pass_env = (.+)$`).FindAllStringSubmatch(tox, -1)
	if len(passed) < 3 || len(read) < 5 {
		t.Fatalf("tox.ini passes %v, the tests read %v", passed, read)
	}
	for _, found := range passed {
		prefix, isPattern := strings.CutSuffix(found[1], "*")
		if prefix == "DOCKER_" { // docker's own
			continue
		}
		matches := 0
		for name := range read {
			if name != prefix && (!isPattern || !strings.HasPrefix(name, prefix)) {
				continue
			}
			matches++
			if !set[name] && !slices.Contains(byHand, name) {
				t.Errorf("the tests read %s, and no workflow sets it", name)
			}
		}
		if matches == 0 {
			t.Errorf("tox.ini passes %s, and no test reads it", found[1])
		}
	}
	for _, page := range []string{tox, readText(t, "examples/marqo/README.md")} {
		for _, name := range regexp.MustCompile(`\bS2SEARCH_[A-Z]+`).FindAllString(page, -1) {
			if !read[name] {
				t.Errorf("%s is documented, and no test reads it", name)
			}
		}
	}
}

// TestStartJobsHaveDocker: no example runs the container action on a runner without Docker; native runs there.
// https://docs.github.com/actions/reference/runners/github-hosted-runners
func TestStartJobsHaveDocker(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, e := range slices.Concat(readExamples(t), readPages(t, "README.md"), readPages(t, "docs/*.md")) {
		for name, job := range e.workflow.Jobs {
			for _, step := range job.Steps {
				if step.Uses != ours {
					continue
				}
				seen++
				if job.RunsOn == "ubuntu-slim" {
					t.Errorf("%s: job %s runs the container action on ubuntu-slim, which has no Docker", e.path, name)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d steps were looked at", seen)
	}
}

// TestDependabotIsLeftOut: an example that starts machines for pull requests excludes those of Dependabot, whose runs
// get no secrets.
func TestDependabotIsLeftOut(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, e := range slices.Concat(readExamples(t), readPages(t, "README.md"), readPages(t, "docs/*.md")) {
		if !strings.Contains(e.text, "pull_request") {
			continue
		}
		seen++
		if !strings.Contains(e.text, "github.actor != 'dependabot[bot]'") {
			t.Errorf("%s: a pull request of Dependabot starts a machine, or fails since it has no token", e.path)
		}
	}
	if seen == 0 {
		t.Error("no example is for pull requests")
	}
}

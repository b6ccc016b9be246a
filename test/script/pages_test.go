package script

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippet is a code block of a page.
type snippet struct{ path, language, text string }

var codeBlock = regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```$")

// readSnippets reads the code blocks of the pages that match a pattern. A block is named by its page and line.
func readSnippets(t *testing.T, pattern string) []snippet {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	var list []snippet
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range codeBlock.FindAllStringSubmatchIndex(string(raw), -1) {
			text := string(raw)
			line := 1 + strings.Count(text[:at[0]], "\n")
			list = append(list, snippet{fmt.Sprintf("%s#%d", path, line), text[at[4]:at[5]], text[at[6]:at[7]]})
		}
	}
	return list
}

// readPages reads the workflows of the pages that match a pattern. A list of steps becomes a workflow with one job.
func readPages(t *testing.T, pattern string) []example {
	t.Helper()
	var list []example
	for _, s := range readSnippets(t, pattern) {
		text := s.text
		switch {
		case s.language != "yaml":
			continue
		case strings.HasPrefix(strings.TrimLeft(text, " "), "- "):
			if strings.HasPrefix(s.path, "docs/questions/") {
				text = stepsHead + indent(text)
			} else {
				text = "jobs:\n  steps:\n    steps:\n" + indent(text)
			}
		case !regexp.MustCompile(`(?m)^jobs:$`).MatchString(text):
			t.Errorf("%s: it is neither a workflow nor a list of steps, so nothing runs it", s.path)
			continue
		}
		list = append(list, parseExample(t, s.path, text))
	}
	return list
}

// stepsHead turns a list of steps into a workflow that TestExamplesAreCareful accepts.
const stepsHead = `# Steps of a page, in a workflow around them.
name: steps
on: push
permissions: {}
concurrency:
  group: steps
jobs:
  steps:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      id-token: write
    steps:
`

// inPage reports whether the example is part of a page.
func (e example) inPage() bool { return strings.Contains(e.path, "#") }

// indent indents a list of steps as in a workflow.
func indent(text string) string {
	blanks := len(text) - len(strings.TrimLeft(text, " "))
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("      " + strings.TrimPrefix(line, strings.Repeat(" ", blanks)))
	}
	return b.String()
}

// TestSnippets: every code block of a page is in a known language, and is valid in it.
func TestSnippets(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	var list []snippet
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/questions/*.md", "examples/*.md", "examples/*/*.md"} {
		list = append(list, readSnippets(t, pattern)...)
	}
	for _, s := range list {
		seen[s.language]++
		switch s.language {
		case "sh":
			if out, err := exec.Command("bash", "-n", "-c", s.text).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", s.path, err, out)
			}
		case "json":
			var value any
			if err := json.Unmarshal([]byte(s.text), &value); err != nil {
				t.Errorf("%s: %v", s.path, err)
			}
		case "diff":
			if !strings.HasPrefix(s.text, "-") || !strings.Contains(s.text, "\n+") {
				t.Errorf("%s: it is not a diff", s.path)
			}
		case "yaml", "": // run by TestExamplesRun; text
		case "yml": // inputs that differ from a step's, run by TestRecipes; files of scale sets, by TestScaleSetsPage
			if page := s.path[:strings.Index(s.path, "#")]; page != recipesPage && page != scaleSetsPage {
				t.Errorf("%s: nothing runs it", s.path)
			}
		default:
			t.Errorf("%s: no test checks the language %s", s.path, s.language)
		}
	}
	if seen["sh"] < 20 || seen["json"] < 20 {
		t.Errorf("found only %v", seen)
	}
}

// TestQuestions: the index lists each question page, and workflows on them use only the guide's variables.
func TestQuestions(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("docs/questions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{"PRIVATE_CA": true} // enterprise-server.md explains it
	paths, err := filepath.Glob("docs/questions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	sets := regexp.MustCompile(`gh (?:variable|secret) set (\w+)`)
	for _, found := range sets.FindAllStringSubmatch(string(guide), -1) {
		set[found[1]] = true
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(path); name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/questions/README.md does not list %s", name)
		}
		known := maps.Clone(set)
		for _, found := range sets.FindAllStringSubmatch(string(text), -1) {
			known[found[1]] = true
		}
		for _, found := range regexp.MustCompile(`vars\.(\w+)`).FindAllStringSubmatch(string(text), -1) {
			if !known[found[1]] {
				t.Errorf("%s: the guide sets no variable %s", path, found[1])
			}
		}
	}
	if len(paths) < 8 {
		t.Errorf("only %v", paths)
	}
}

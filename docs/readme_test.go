package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// maxReadmeWords is how long the README may be; wc -w README.md counts in the same way.
const maxReadmeWords = 2100

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if words := len(strings.Fields(read(t, "README.md"))); words > maxReadmeWords {
		t.Errorf("README.md has %d words, and may have %d", words, maxReadmeWords)
	}
}

// exitCodes are the constants of action/action.go whose names begin with exit.
func exitCodes(t *testing.T) []int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../action/action.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "exit") || len(spec.Values) != 1 {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			code, err := strconv.Atoi(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[code] = true
		}
		return true
	})
	return slices.Sorted(maps.Keys(codes))
}

// TestExitCodes: the pages that list the exit codes have those of the program, each once.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	want := exitCodes(t)
	if len(want) < 5 {
		t.Fatalf("only %v were found in action/action.go", want)
	}
	for page, list := range map[string][2]string{
		"README.md":            {`(?s)The exit code is .*?\n\n`, `\b(\d+) when `},
		"docs/architecture.md": {`(?s)\| exit code \| meaning \|.*?\n\n`, `(?m)^\| (\d+) \|`},
	} {
		var told []int
		for _, found := range regexp.MustCompile(list[1]).FindAllStringSubmatch(
			regexp.MustCompile(list[0]).FindString(read(t,
				page)), -1) {
			code, err := strconv.Atoi(found[1])
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, code)
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s lists the exit codes %v, and the program has %v", page, told, want)
		}
	}
}

// gone are statements that were once on a page and are not true.
var gone = map[string]string{
	"Amazon Linux 2 or 2023": "JavaScript actions cannot run on Amazon Linux 2 any more: its glibc is older " +
		"than the runner's node needs",
	"Replace the owner": "a version or a commit of machulav's is none of this action: the whole reference " +
		"must be replaced",
	"nothing was called":              "some refusals come after a look at EC2 or GitHub",
	"aws cloudformation update-stack": "it needs every parameter again; aws cloudformation deploy keeps the others",
}

func TestStatementsThatAreGone(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/adr/") || page == "CHANGELOG.md" {
			continue
		}
		text := read(t, page)
		for words, why := range gone {
			if strings.Contains(text, words) {
				t.Errorf("%s says %q: %s", page, words, why)
			}
		}
	}
}

// TestAllowListIsWhole: the page on allow-lists names every action that runner.yml uses.
func TestAllowListIsWhole(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, "docs/troubleshooting.md"), "\n## Allow-lists and pinned commits\n")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := 0
	for _, uses := range regexp.MustCompile(`(?m)uses: ([\w-]+/[\w-]+)@[0-9a-f]{40}`).FindAllStringSubmatch(read(t,
		".github/workflows/runner.yml"), -1) {
		seen++
		if !strings.Contains(section, "`"+uses[1]+"@*`") {
			t.Errorf("docs/troubleshooting.md does not say that %s is to be allowed", uses[1])
		}
	}
	if seen != 1 {
		t.Errorf("runner.yml uses %d actions of others, want actions/checkout alone", seen)
	}
}

// TestQuotasOfPages: the codes of quotas that pages name are those that mode check reads.
func TestQuotasOfPages(t *testing.T) {
	t.Parallel()
	known, seen := read(t, "ec2/quota.go"), 0
	for _, page := range pages(t) {
		for _, code := range regexp.MustCompile(`\bL-[0-9A-F]{8}\b`).FindAllString(read(t, page), -1) {
			seen++
			if !strings.Contains(known, `"`+code+`"`) {
				t.Errorf("%s names the quota %s, which the program does not know", page, code)
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d quotas are named", seen)
	}
}

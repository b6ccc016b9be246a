package main

import (
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLimits: all figures are within their limits.
func TestLimits(t *testing.T) {
	all, err := measure(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.exceeds() {
			t.Errorf("%s: %v, and at most %v are allowed %s", f.name, f.value, f.limit, f.note)
		}
	}
}

const sample = `package sample

import (
	"fmt"

	"github.com/marqo-ai/ec2-github-runner/inner"
)

// Exported, three of them; alias is not.
const One, two = 1, 2

type Pair[T any] struct{ a, b T }

func (p *Pair[T]) First() T { return p.a }

func (p Pair[T]) second() T { return p.b }

// Check has a complexity of eight and seventeen statements.
func Check(list []int, c chan int) int {
	// A line of comment does not count, nor does the blank one.

	sum := inner.Base
	for _, n := range list {
		if n > 0 && n < 10 || n == 77 {
			sum += n
			continue
		} else if n == 11 {
			return n
		}
		switch n {
		case 1, 2:
			{
				sum--
			}
		default:
			fmt.Println(func() int { return n }())
		}
	}
	select {
	case sum = <-c:
	default:
	}
	return sum
}
`

// TestCounts counts a package with known figures.
func TestCounts(t *testing.T) {
	src := source{
		"main.go":           []byte("package main\n\nimport _ \"" + module + "/inner\"\n\nfunc main() {}\n"),
		"cmd/serve/main.go": []byte("package main\n\nimport _ \"" + module + "/sample\"\n\nfunc main() {}\n"),
		"cmd/away/main.go":  []byte("package main\n\nfunc main() {}\n"),
		"sample/sample.go":  []byte(sample),
		"sample/of_test.go": []byte("package sample\n\nfunc Test() { select {} }\n"),
		"inner/inner.go":    []byte("package inner\n\nvar Base = 1\n"),
		"test/proof/away.go": []byte("package proof\n\nfunc f() {\n\t// " + strings.Repeat("ä", 114) + "\n}\n// " +
			strings.Repeat("ä", 117) + "\n// " +
			strings.Repeat("ä", 118) + "\n// https://" + strings.Repeat("a", 120) + "\n"),
	}
	fset := token.NewFileSet()
	pkgs, err := shipping(fset, src, programs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".", "cmd/serve", "inner", "sample"}, paths(pkgs)); diff != "" {
		t.Fatalf("shipping packages (-want +got):\n%s", diff)
	}
	own, err := shipping(fset, src, action)
	if diff := cmp.Diff([]string{".", "inner"}, paths(own)); diff != "" || err != nil {
		t.Fatalf("the action's packages (-want +got):\n%s\n%v", diff, err)
	}
	pkg := pkgs[3]
	if got, want := statements(pkg), 20; got != want {
		t.Errorf("%d statements, want %d", got, want)
	}
	if got, want := exported(pkg), 3; got != want {
		t.Errorf("%d exported names, want %d", got, want)
	}
	if diff := cmp.Diff(map[string]int{"Pair": 2}, methods(pkg)); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	var lengths, branches []int
	for _, function := range functions(pkg) {
		lengths, branches = append(lengths, length(fset, src, function)), append(branches, complexity(function))
	}
	if diff := cmp.Diff([]int{1, 1, 24}, lengths); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 1, 8}, branches); diff != "" {
		t.Errorf("complexity (-want +got):\n%s", diff)
	}
	if got, want := lines(fset, src, pkgs, "inner"), 3; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
	if got, want := tooWide(src), 2; got != want {
		t.Errorf("%d lines over 120 columns, want %d", got, want)
	}
}

func paths(pkgs []folder) (all []string) {
	for _, pkg := range pkgs {
		all = append(all, pkg.path)
	}
	return all
}

// TestFewImplementers finds an interface that one type implements, in another package and by its pointer.
func TestFewImplementers(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module " + module + "\n\ngo 1.26\n",
		"main.go": "package main\n\nimport _ \"" + module + "/a\"\n\nfunc main() {}\n",
		"a/a.go": `package a

import (
	"io"

	"` + module + `/b"
)

type Nobody interface{ Read() }

type One interface{ Close(b.Word) error }

type Two interface{ Len() int }

type Number interface{ ~int | ~int64 }

type Any interface{}

type list []int

func (l list) Len() int { return len(l) }

type table struct{ io.Reader }

func (t table) Len() int { return 0 }
`,
		"b/b.go": "package b\n\ntype Word string\n\ntype door struct{}\n\nfunc (*door) Close(Word) error " +
			"{ return nil }\n",
	} {
		write(t, filepath.Join(root, name), content)
	}
	src, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	pkgs, err := shipping(fset, src, action)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fewImplementers(t.Context(), fset, root, action, pkgs)
	if diff := cmp.Diff([]string{"a.Nobody", "a.One"}, got); diff != "" || err != nil {
		t.Errorf("interfaces (-want +got):\n%s\n%v", diff, err)
	}
}

// TestIssue counts only the commits with the issue in their last line, not those that mention its number elsewhere.
func TestIssue(t *testing.T) {
	root := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", root, "-c", "user.name=n", "-c", "user.email=e@example.com"}, args...)
		command := exec.Command("git", args...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	commit := func(message string, n int) {
		t.Helper()
		for name, n := range map[string]int{"main.go": n, "bench/bench.go": 10 * n} {
			body := strings.Repeat("\tprintln()\n", n)
			write(t, filepath.Join(root, name), "package main\n\nfunc main() {\n"+body+"}\n")
		}
		run("add", ".")
		run("commit", "-q", "-m", message)
	}
	run("init", "-q")
	commit("Begin", 10)
	commit("Shorten\n\nIssue: 18", 4)
	commit("Add\n\nIssue: 180", 9)
	commit("Write\n\nIt is of Issue: 18 and of another.", 12)
	commit("Shorten again\n\nIssue: 18\nReviewed: yes", 11)
	var out strings.Builder
	if err := printIssue(t.Context(), &out, root, 18); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"    -1  ", "  Shorten again\n", "    -6  ", "  Shorten\n",
		"    -7  statements of the action in 2 commits of issue 18\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

package loop

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the root of the tree, relative to this package.
const root = "../.."

// parts are the parts of make test-real that may be skipped.
var parts = []string{"scalesets", "moto", "guide", "image", "race", "boot"}

// green runs scripts/green in a work tree and returns its output lines.
func green(t *testing.T, dir string, words ...string) []string {
	t.Helper()
	cmd := exec.Command("scripts/green", words...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("scripts/green %s: %v", strings.Join(words, " "), err)
	}
	return strings.Fields(string(out))
}

// filesOf returns the files that a part depends on.
func filesOf(t *testing.T, part string) map[string]bool {
	t.Helper()
	files := map[string]bool{}
	for _, file := range green(t, root, "files", part) {
		files[file] = true
	}
	return files
}

// listed is the output of go list about a package.
type listed struct {
	ImportPath, Dir                                              string
	Module                                                       *struct{ Main bool }
	GoFiles, CgoFiles, OtherFiles, EmbedFiles                    []string
	TestGoFiles, XTestGoFiles, TestEmbedFiles, XTestEmbedFiles   []string
	IgnoredGoFiles, IgnoredOtherFiles, SFiles, HFiles, SysoFiles []string
}

func (l listed) files() (all []string) {
	for _, list := range [][]string{l.GoFiles, l.CgoFiles, l.OtherFiles, l.EmbedFiles, l.TestGoFiles, l.XTestGoFiles,
		l.TestEmbedFiles, l.XTestEmbedFiles, l.IgnoredGoFiles, l.IgnoredOtherFiles, l.SFiles, l.HFiles, l.SysoFiles} {
		all = append(all, list...)
	}
	return all
}

// packagesOf returns the module's packages that a part's tests and the programs they run are compiled from.
func packagesOf(t *testing.T, part string) []listed {
	t.Helper()
	packages := list(t, append([]string{"-test"}, green(t, root, "packages", part)...)...)
	if part != "boot" { // its machines run only what package bootstrap sends them
		packages = append(packages, list(t, ".", "./cmd/...")...)
	}
	return packages
}

// list runs go list on packages and returns those of the module that they import, with -test also those of their tests.
func list(t *testing.T, words ...string) (packages []listed) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json"}, words...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		// go test writes the main package of a test into its cache.
		if l.Module != nil && l.Module.Main && !strings.HasSuffix(l.ImportPath, ".test") {
			packages = append(packages, l)
		}
	}
}

// TestEachFileCounts: every file of the module that a part's tests are compiled from or embed is in its hash, together
// with the other files of their folders: test data, scripts, goldens.
func TestEachFileCounts(t *testing.T) {
	t.Parallel()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			counts := filesOf(t, part)
			packages := packagesOf(t, part)
			if len(packages) < 3 {
				t.Fatalf("got only %d packages of the module", len(packages))
			}
			for _, l := range packages {
				folder, err := filepath.Rel(top, l.Dir)
				if err != nil {
					t.Fatal(err)
				}
				files := l.files()
				if folder != "." { // the root has pages that no test reads
					files = append(files, tracked(t, l.Dir)...)
				}
				for _, file := range files {
					if filepath.IsAbs(file) {
						continue
					}
					if path := filepath.Join(folder, file); !counts[path] {
						t.Errorf("%s is used, but a change of it would go unnoticed", path)
					}
				}
			}
		})
	}
}

// tracked returns the files below a package's folder, without those of packages below it.
func tracked(t *testing.T, dir string) (files []string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-co", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range strings.Fields(string(out)) {
		if _, err := os.Lstat(filepath.Join(dir, file)); err == nil && ownedBy(dir, file) {
			files = append(files, file)
		}
	}
	return files
}

// ownedBy reports whether no folder between the package's and the file is a package itself.
func ownedBy(dir, file string) bool {
	for folder := filepath.Dir(file); folder != "."; folder = filepath.Dir(folder) {
		if found, _ := filepath.Glob(filepath.Join(dir, folder, "*.go")); len(found) > 0 {
			return false
		}
	}
	return true
}

// TestWhatRunsThePartsCounts: the hash contains the scripts, images and versions that each part uses.
func TestWhatRunsThePartsCounts(t *testing.T) {
	t.Parallel()
	for _, part := range parts {
		counts := filesOf(t, part)
		for _, file := range []string{"go.mod", "go.sum", "Dockerfile", "scripts/green", "scripts/test-real",
			"scripts/engine", "scripts/moto", "scripts/tool", "scripts/need", "scripts/images/boot",
			"scripts/images/golang.sh"} {
			if !counts[file] {
				t.Errorf("%s: a change of %s would go unnoticed", part, file)
			}
		}
	}
}

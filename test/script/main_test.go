// Package script tests the program as users run it: each script runs the built binary as a real process, with real
// signals and real HTTP, against the simulator; examples, workflows and pages are run or read in the same way.
//
// The tests run in the repository's root and name files relative to it.
package script

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	flag.Parse()
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs, err := buildProgram()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return m.Run()
}

// prepare enters the repository's root, and allows more parallel tests than there are processors: scripts mostly wait.
func prepare() error {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "36"); err != nil {
			return err
		}
	}
	return os.Chdir("../..")
}

// buildProgram builds the program, with the race detector if the tests have it, under both its names in a new folder,
// which it returns and adds to PATH.
func buildProgram() (dir string, err error) {
	dir, err = os.MkdirTemp("", "ec2-github-runner-script-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "ec2-github-runner")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	if err := os.Symlink(binary, binary+"-post"); err != nil {
		return dir, err
	}
	return dir, os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

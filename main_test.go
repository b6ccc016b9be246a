package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand in for the program: scripts run it as a real process, through the real main.
func TestMain(m *testing.M) {
	testscript.Main(crowd{m}, map[string]func(){"ec2-github-runner": main, "ec2-github-runner-post": main})
}

// crowd runs more tests side by side than there are processors: scripts mostly wait.
type crowd struct{ *testing.M }

// Run implements testscript's TestingM.
func (c crowd) Run() int {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "24"); err != nil {
			panic(err)
		}
	}
	return c.M.Run()
}

package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand in for the program: scripts run it as a real process, through the real main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ec2-github-runner": main, "ec2-github-runner-post": main})
}

package script

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestReadmePermissions: the permissions that README names are sufficient for its first workflow, and each of them is
// necessary.
func TestReadmePermissions(t *testing.T) {
	t.Parallel()
	_, rest, opened := strings.Cut(readText(t, "README.md"), "<!-- permissions -->")
	told, _, closed := strings.Cut(rest, "<!-- /permissions -->")
	var actions []string
	for _, found := range regexp.MustCompile("`(ec2:[A-Za-z]+)`").FindAllStringSubmatch(told, -1) {
		actions = append(actions, found[1])
	}
	if !opened || !closed || len(actions) < 3 {
		t.Fatalf("README names the permissions %v", actions)
	}
	if exit, log := runReadme(t, actions); exit != 0 {
		t.Errorf("with %v the exit code is %d\n%s", actions, exit, log)
	}
	if exit, log := runReadme(t, actions[1:]); exit == 0 {
		t.Errorf("the start succeeds without %s\n%s", actions[0], log)
	}
}

// runReadme runs the first workflow of README with these permissions, and a job on its machine.
func runReadme(t *testing.T, actions []string) (exit int, said string) {
	t.Helper()
	workflow := readPages(t, "README.md")[0]
	s := openStage(t, func(cfg *simulator.Config) { cfg.Policy.Allow = actions })
	with := map[string]string{}
	for _, step := range workflow.workflow.Jobs["start"].Steps {
		if step.Uses != ours {
			continue
		}
		for name, value := range step.With {
			with[name] = s.fill(t, fmt.Sprint(value))
		}
	}
	var log bytes.Buffer
	running, err := s.runner.Start(t.Context(), "start", with, &log)
	if err != nil {
		t.Fatal(err)
	}
	result, err := running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if result.Exit == 0 {
		s.world.RunJob(result.Outputs["label"], time.Second)
		s.settle(t, true)
	}
	return result.Exit, log.String()
}

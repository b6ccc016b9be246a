package script

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// setRun is the command run: it changes a workflow run to the one described in a YAML file.
func setRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: run FILE")
	}
	var run simulator.Run
	decoder := yaml.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.KnownFields(true)
	ts.Check(decoder.Decode(&run))
	if run.Repository == "" {
		run.Repository = "demo-org/demo"
	}
	sceneOf(ts).world.SetRun(run)
}

// showReruns is the command reruns.
func showReruns(ts *testscript.TestScript, _ []string) string {
	var b strings.Builder
	for _, r := range sceneOf(ts).world.Reruns() {
		what := "all jobs"
		if r.Job != 0 {
			what = fmt.Sprintf("job %d", r.Job)
		}
		fmt.Fprintf(&b, "%s of run %d run again as attempt %d\n", what, r.Run, r.Attempt)
	}
	return b.String()
}

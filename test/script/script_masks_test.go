package script

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// nextJob prints the last step's outputs as another job gets them if the first job has the secrets of a YAML file of
// names and values: the runner drops outputs that contain a masked text. The variables out_NAME become what arrives.
func nextJob(ts *testscript.TestScript, args []string) string {
	if len(args) != 1 {
		ts.Fatalf("usage: next-job SECRETS")
	}
	var secrets map[string]string
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(args[0])), &secrets))
	list := make([]string, 0, len(secrets))
	for _, name := range sorted(secrets) {
		list = append(list, secrets[name])
	}
	masks := step.NewMasks(list...)
	masks.AddLog(sceneOf(ts).log)
	outputs := step.ReadFile(ts.MkAbs(sceneOf(ts).last) + ".GITHUB_OUTPUT")
	var b strings.Builder
	for _, name := range sorted(outputs) {
		arrived := masks.JobOutput(outputs[name])
		ts.Setenv("out_"+strings.ReplaceAll(name, "-", "_"), arrived)
		if arrived != "" {
			fmt.Fprintf(&b, "%s=%s\n", name, instanceID.ReplaceAllString(arrived, "i-ID"))
		} else {
			ts.Logf("the output %s is dropped because it contains %q", name, masks.Hides(outputs[name]))
		}
	}
	return b.String()
}

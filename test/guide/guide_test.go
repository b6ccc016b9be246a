package guide

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readGuide(t *testing.T) []step {
	t.Helper()
	text, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := steps(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSteps: all blocks of the guide are marked, and most can be run.
func TestSteps(t *testing.T) {
	list := readGuide(t)
	runnable := 0
	for _, s := range list {
		if s.run {
			runnable++
		}
	}
	if len(list) < 14 || runnable < 9 {
		t.Errorf("%d steps, of which %d can be run", len(list), runnable)
	}
	for name, text := range map[string]string{
		"unmarked": "```sh\na\n```\n", "of another kind": "<!-- run -->\n```console\na\n```\n",
		"another mark": "<!-- later -->\n```sh\na\n```\n",
	} {
		if _, err := steps(text); err == nil || !strings.Contains(err.Error(), "<!-- run -->") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	got, err := steps("x\n<!-- run -->\n```sh\na\nb\n```\ny\n<!-- account -->\n```sh\nc\n```\n")
	if err != nil || len(got) != 2 || got[0].command != "a\nb\n" || !got[0].run || got[1].run || got[1].line != 8 {
		t.Errorf("got %+v, %v", got, err)
	}
	if s := script(got, false); strings.Contains(s, "c\n") &&
		!strings.Contains(s, "set -euo pipefail\n# line 2\na\nb\n") {
		t.Errorf("the script is\n%s", s)
	}
}

// TestGuideStartsWithATypeOfBothPlans: accounts on AWS's free plan, which newcomers have, can use six instance types.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
func TestGuideStartsWithATypeOfBothPlans(t *testing.T) {
	text, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`ec2-instance-type: (\S+)`).FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		t.Fatal("the guide names no instance type")
	}
	for _, one := range found {
		if !slices.Contains(strings.Fields("t3.micro t3.small t4g.micro t4g.small c7i-flex.large m7i-flex.large"),
			one[1]) {
			t.Errorf("the guide starts %s, which is not in the free plan", one[1])
		}
	}
}

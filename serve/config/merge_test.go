package config

import (
	"slices"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// TestMerge: what sets have in common is written once.
func TestMerge(t *testing.T) {
	t.Parallel()
	file, _, problems := readText(t, folder(t), `github: {url: https://github.com/o, token-file: token}
scale-sets:
  - &first
    name: first
    max: 3
    machine: &machine {architecture: amd64, subnet-id: s, security-group-id: g, market-type: spot}
  - <<: *first
    name: second
    machine: {<<: *machine, architecture: arm64}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	first, second := file.Sets[0], file.Sets[1]
	if second.Name != "second" || second.Max != 3 || second.Line != 7 || !slices.Equal(second.Labels,
		[]string{"second"}) ||
		second.Machine.Architecture != "arm64" || !slices.Equal(second.Machine.Markets, []string{machine.Spot}) ||
		first.Machine.Architecture != "amd64" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

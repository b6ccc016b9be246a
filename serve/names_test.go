package serve

import (
	"testing"

	"pgregory.net/rapid"
)

// TestNames: a set's runners are told from strangers, and names are as long as GitHub takes.
func TestNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.StringMatching(`[A-Za-z0-9._-]{1,90}`).Draw(t, "set")
		name := newName("here", set)
		if len(name) > 64 || !isNameOf("here", set, name) || isNameOf("here", set+"x", name) ||
			isNameOf("there", set, name) || isNameOf("here", set, name+"x") || isNameOf("here", set, "ec2-"+set) {
			t.Fatalf("name %s of set %s", name, set)
		}
	})
}

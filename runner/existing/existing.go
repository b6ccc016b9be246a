// Package existing starts machines that the user keeps.
//
// An existing machine is one that the user keeps, with a runner installed on it as a service. A start takes it (tags
// it), starts it and waits for its runner; whoever ends the use stops it again. Nothing else of it is ever changed, and
// it is never terminated and its registration never removed unless the user writes that out.
//
// A start finds the machines that match and reads the runners as they are before it (find.go); it records each machine
// for the post step, tags it, reads it once more and starts it (take.go, ownership.go); it waits, and identifies a
// runner without a given name by comparison with the runners before (wait.go, match.go); and it writes the runner and
// the time of the start to the tags. Roll-back, post, stop and sweep stop what was started, if it still belongs to this
// run and is idle (end.go, and remove.GiveBack). docs/adr/0008-existing.md has the reasons.
package existing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Machines says which machines of the user's a start may take.
type Machines struct {
	Region string            // empty: the home region
	IDs    []string          // empty: any that has the tags
	Tags   map[string]string // which a machine must have, all of them
	Names  []string          // of the registered runners: none, one for each of IDs, or a single one
}

// nameOf is the name of a machine's runner as the user gives it, or nothing.
func (m Machines) nameOf(id string) string {
	switch n := slices.Index(m.IDs, id); {
	case n >= 0 && n < len(m.Names):
		return m.Names[n]
	case n < 0 && len(m.Names) == 1:
		return m.Names[0]
	}
	return ""
}

// String names the machines in messages.
func (m Machines) String() string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(m.Tags)) {
		words = append(words, key+"="+m.Tags[key])
	}
	if len(m.IDs) > 0 {
		return strings.Join(m.IDs, ", ")
	}
	return "with the tags " + strings.Join(words, ", ")
}

// holder says in words who uses a machine, or nothing where it is free. run is the run that decides it: the machine is
// free if that is over, and is empty where nothing decides it any more.
func holder(i ec2.Instance, id tags.Identity, now time.Time) (words, run string) {
	mode := i.Tags[key.Mode]
	switch {
	case !tags.Of(i).Tagged || i.Tags[key.Nonce] == id.Nonce:
		return "", ""
	case mode != tags.ModeExisting:
		return fmt.Sprintf("a start of %s has launched it (mode %s), so it is no machine that somebody keeps",
			i.Tags[key.Repository], mode), ""
	case i.State == ec2.Stopping, i.State == ec2.Stopped && !now.Before(tags.Of(i).DueAt):
		return "", "" // given back
	case i.Tags[key.Found] == tags.FoundRunning && !now.Before(tags.Of(i).DueAt):
		return "", "" // it runs anyway, and nobody's stop ends it
	case i.Tags[key.Scope] != id.Scope || i.Tags[key.Repository] != id.Run.Repository:
		return fmt.Sprintf("run %s of %s uses it", i.Tags[key.RunID], i.Tags[key.Repository]), ""
	case i.Tags[key.RunID] == id.Run.ID && i.Tags[key.RunAttempt] != id.Run.Attempt:
		return "", "" // a run begins anew only when it was over
	case i.Tags[key.RunID] == id.Run.ID:
		return "another start of this run uses it", ""
	}
	return fmt.Sprintf("run %s uses it", i.Tags[key.RunID]), i.Tags[key.RunID]
}

// tags are those of a machine that a start takes. What an earlier use has noted of the time of its start is void.
func (k *kept) tags(due time.Time) map[string]string {
	s := k.slot
	values := k.x.st.Identity.Tags(s.Index(), s.RunnerLabel(), s.RunnerName(), s.RunnerID(), due, time.Time{})
	values[key.Mode], values[key.Found], values[key.StartedAt] = tags.ModeExisting, k.found, ""
	values[key.SuspectSince] = ""
	if s.RunnerName() == "" { // which runner it is shows later
		delete(values, key.RunnerName)
	}
	return values
}

// scattered orders ids so that two starts begin with different ones.
func scattered(nonce, id string) string {
	sum := sha256.Sum256([]byte(nonce + " " + id))
	return hex.EncodeToString(sum[:])
}

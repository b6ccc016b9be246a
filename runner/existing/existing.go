// Package existing starts machines that belong to the user.
//
// An existing machine has a runner installed as a service. A start tags it, starts it and waits for its runner;
// roll-back, post, stop and sweep stop it again. Nothing else about it is changed: it is never terminated and its
// registration is never removed, unless the user asks for that explicitly.
//
// A start finds the machines that match and lists the runners before it starts any (find.go); it records each machine
// for the post step, tags it, reads its tags until the claim is certain, and starts it (adopt.go, ownership.go); it
// waits, and identifies a runner whose name is not given by comparing the runners before and after (wait.go, match.go);
// then it writes the runner and the launch time to the tags. Roll-back, post, stop and sweep stop what was started if
// it still belongs to this run and is idle (end.go, and remove.GiveBack). See docs/adr/0008-existing.md for the
// reasons.
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

// Machines says which of the user's machines a start may use.
type Machines struct {
	Region string            // empty for the home region
	IDs    []string          // empty for any instance with the tags
	Tags   map[string]string // a machine must have all of them
	Names  []string          // of the runners: none, one for each of IDs, or a single one
}

// nameOf returns the runner name that the user gives for a machine, or "".
func (m Machines) nameOf(id string) string {
	switch n := slices.Index(m.IDs, id); {
	case n >= 0 && n < len(m.Names):
		return m.Names[n]
	case n < 0 && len(m.Names) == 1:
		return m.Names[0]
	}
	return ""
}

// String describes the machines in messages.
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

// holder returns who uses a machine, or "" if it is free. run is the run whose end frees the machine; it is "" if the
// end of a run does not decide.
func holder(i ec2.Instance, id tags.Identity, now time.Time) (words, run string) {
	mode := i.Tags[key.Mode]
	switch {
	case !tags.Of(i).Tagged || i.Tags[key.Nonce] == id.Nonce:
		return "", ""
	case mode != tags.ModeExisting:
		return fmt.Sprintf("a start of %s has launched it (mode %s), so it is not an existing machine",
			i.Tags[key.Repository], mode), ""
	case i.State == ec2.Stopping, i.State == ec2.Stopped && !now.Before(tags.Of(i).DueAt):
		return "", "" // given back
	case i.Tags[key.Found] == tags.FoundRunning && !now.Before(tags.Of(i).DueAt):
		return "", "" // it was running before, and no stop ends it
	case i.Tags[key.Scope] != id.Scope || i.Tags[key.Repository] != id.Run.Repository:
		return fmt.Sprintf("run %s of %s uses it", i.Tags[key.RunID], i.Tags[key.Repository]), ""
	case i.Tags[key.RunID] == id.Run.ID && i.Tags[key.RunAttempt] != id.Run.Attempt:
		return "", "" // a new attempt begins only after the run was over
	case i.Tags[key.RunID] == id.Run.ID:
		return "another start of this run uses it", ""
	}
	return fmt.Sprintf("run %s uses it", i.Tags[key.RunID]), i.Tags[key.RunID]
}

// tags returns the tags of a machine that a start adopts. They clear the launch time that an earlier use has recorded.
func (k *kept) tags(due time.Time) map[string]string {
	s := k.slot
	values := k.x.st.Identity.Tags(s.Index(), s.RunnerLabel(), s.RunnerName(), s.RunnerID(), due, time.Time{})
	values[key.Mode], values[key.Found], values[key.StartedAt] = tags.ModeExisting, k.found, ""
	values[key.SuspectSince] = ""
	if s.RunnerName() == "" { // the runner is identified later
		delete(values, key.RunnerName)
	}
	return values
}

// shuffleKey orders ids differently for each start, so that concurrent starts begin with different machines.
func shuffleKey(nonce, id string) string {
	sum := sha256.Sum256([]byte(nonce + " " + id))
	return hex.EncodeToString(sum[:])
}

package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// An existing machine is one that the user keeps, with a runner installed on it as a service. A start takes it (tags
// it), starts it and waits for its runner; whoever ends the use stops it again. Nothing else of it is ever changed, and
// it is never terminated and its registration never removed unless the user writes that out. docs/adr/0008-existing.md
// has the reasons.

// Existing says which machines of the user's a start may take.
type Existing struct {
	Region string            // empty: the home region
	IDs    []string          // empty: any that has the tags
	Tags   map[string]string // which a machine must have, all of them
	Names  []string          // of the registered runners: none, one for each of IDs, or a single one
}

// nameOf is the name of a machine's runner as the user gives it, or nothing.
func (e Existing) nameOf(id string) string {
	switch n := slices.Index(e.IDs, id); {
	case n >= 0 && n < len(e.Names):
		return e.Names[n]
	case n < 0 && len(e.Names) == 1:
		return e.Names[0]
	}
	return ""
}

// String names the machines in messages.
func (e Existing) String() string {
	var words []string
	for _, key := range sortedKeys(e.Tags) {
		words = append(words, key+"="+e.Tags[key])
	}
	if len(e.IDs) > 0 {
		return strings.Join(e.IDs, ", ")
	}
	return "with the tags " + strings.Join(words, ", ")
}

// The tags of existing machines beside those of identity.go.
const (
	// TagFound is the state in which a start found the machine: what ran before is left running.
	TagFound = TagPrefix + "found"
	// TagStartedAt is when EC2 says that the machine was started by us. Whoever starts it later makes that another time.
	TagStartedAt = TagPrefix + "started-at"
)

const (
	instanceExisting = "existing"
	foundRunning     = "running"
	foundStopped     = "stopped"
)

// isStartedByUs tells that an existing machine runs because a start of ours has started it, and that nobody has started
// it since. Where the start was cut off before it could note the time, a start within that start's own time is taken
// for ours.
func isStartedByUs(i ec2.Instance) bool {
	if i.Tags[TagFound] != foundStopped {
		return false
	}
	if at := timeTag(i, TagStartedAt); !at.IsZero() {
		return i.LaunchTime.Truncate(time.Second).Equal(at.Truncate(time.Second))
	}
	return i.LaunchTime.Before(timeTag(i, TagDueAt))
}

// isOn tells that a machine runs or is about to.
func isOn(i ec2.Instance) bool { return i.State == ec2.Running || i.State == ec2.Pending }

// foundAs is the state in which a machine counts as found. Who takes over what an earlier start has started is the one
// who stops it at the end.
func foundAs(i ec2.Instance) string {
	if i.State == ec2.Stopped || i.State == ec2.Stopping || isStartedByUs(i) {
		return foundStopped
	}
	return foundRunning
}

// holder says in words who uses a machine, or nothing where it is free. run is the run that decides it: the machine is
// free if that is over, and is empty where nothing decides it any more.
func holder(i ec2.Instance, id Identity, now time.Time) (words, run string) {
	mode := i.Tags[TagMode]
	switch {
	case !isTagged(i) || i.Tags[TagNonce] == id.Nonce:
		return "", ""
	case mode != instanceExisting:
		return fmt.Sprintf("a start of %s has launched it (mode %s), so it is no machine that somebody keeps",
			i.Tags[TagRepository], mode), ""
	case i.State == ec2.Stopping, i.State == ec2.Stopped && !now.Before(timeTag(i, TagDueAt)):
		return "", "" // given back
	case i.Tags[TagFound] == foundRunning && !now.Before(timeTag(i, TagDueAt)):
		return "", "" // it runs anyway, and nobody's stop ends it
	case i.Tags[TagScope] != id.Scope || i.Tags[TagRepository] != id.Run.Repository:
		return fmt.Sprintf("run %s of %s uses it", i.Tags[TagRunID], i.Tags[TagRepository]), ""
	case i.Tags[TagRunID] == id.Run.ID && i.Tags[TagRunAttempt] != id.Run.Attempt:
		return "", "" // a run begins anew only when it was over
	case i.Tags[TagRunID] == id.Run.ID:
		return "another start of this run uses it", ""
	}
	return fmt.Sprintf("run %s uses it", i.Tags[TagRunID]), i.Tags[TagRunID]
}

// existingTags are those of a machine that a start takes. What an earlier use has noted of the time of its start is
// void.
func (st *start) existingTags(s *slot, found string, due time.Time) map[string]string {
	tags := st.identity.tags(s.index, s.label, s.name, s.runnerID, due, time.Time{})
	tags[TagMode], tags[TagFound], tags[TagStartedAt], tags[TagSuspectSince] = instanceExisting, found, "", ""
	if s.name == "" { // which runner it is shows later
		delete(tags, TagRunnerName)
	}
	return tags
}

// scattered orders ids so that two starts begin with different ones.
func scattered(nonce, id string) string {
	sum := sha256.Sum256([]byte(nonce + " " + id))
	return hex.EncodeToString(sum[:])
}

// hasLabel tells that a runner carries a label. GitHub does not tell labels apart by case.
func hasLabel(r github.Runner, label string) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// runnerOf finds the runner of an existing machine among runners, by what its tags say: by id, else by name. Where the
// tags say nothing, candidates are those with its label.
func runnerOf(i ec2.Instance, runners []github.Runner) (r github.Runner, candidates []github.Runner) {
	id, name := runnerIDOf(i), i.Tags[TagRunnerName]
	var named github.Runner
	for _, r := range runners {
		switch {
		case id != 0 && r.ID == id:
			return r, nil
		case name != "" && r.Name == name:
			named = r
		case hasLabel(r, i.Tags[TagLabel]):
			candidates = append(candidates, r)
		}
	}
	if named.ID != 0 {
		return named, nil
	}
	return github.Runner{}, candidates
}

// mayWork tells that a job may be running on an existing machine: its runner is busy, or, where nothing says which one
// that is, one of those that it may be.
func mayWork(i ec2.Instance, runners []github.Runner) bool {
	r, candidates := runnerOf(i, runners)
	return r.Busy || slices.ContainsFunc(candidates, func(r github.Runner) bool { return r.Busy })
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

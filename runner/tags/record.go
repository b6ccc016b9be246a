package tags

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The modes that an instance of ours can have in its tag. Whatever else stands there is a user's to end.
const (
	ModeStart = "start"
	ModeBake  = "bake"
	ModePool  = "pool"
	ModeServe = "serve" // a machine of a runner scale set
	// ModeExisting is a machine that the user keeps.
	ModeExisting = "existing"
)

// Record is what the tags of an instance state, or its client token where EC2 refused the tags. Times are zero where
// there is none that can be read.
type Record struct {
	Tagged     bool   // whether it carries our tags
	Mode       string // that launched or took it
	Entry      bool   // whether it is an unclaimed entry of a pool, in whatever state
	RunID      string // of the run that launched it; empty where it is not known
	RunnerName string // under which it registers: its own tag alone is not enough where several were launched together
	RunnerID   int64  // that its own tag names, 0 for none

	DueAt, ExpiresAt, SuspectSince  time.Time
	KeptFrom, KeptUntil             time.Time
	ClaimedAt, PoolUntil, StartedAt time.Time

	instance ec2.Instance
}

// Of reads the tags of an instance.
func Of(i ec2.Instance) Record {
	at := func(key string) time.Time { return Time(i.Tags, key) }
	r := Record{
		Tagged: i.Tags[key.Scope] != "", Mode: i.Tags[key.Mode], RunID: i.Tags[key.RunID],
		RunnerName: indexed(i, i.Tags[key.RunnerName]),
		DueAt:      at(key.DueAt), ExpiresAt: at(key.ExpiresAt), KeptUntil: at(key.KeptUntil),
		KeptFrom:     at(key.KeptFrom),
		SuspectSince: at(key.SuspectSince), ClaimedAt: at(key.ClaimedAt), PoolUntil: at(key.PoolUntil),
		StartedAt: at(key.StartedAt), instance: i,
	}
	if !r.Tagged {
		token, _ := ParseToken(i.ClientToken)
		r.Mode, r.RunID = ModeStart, token.Run // nothing else launches without tags
	}
	if r.Entry = r.Mode == ModePool; r.Entry {
		r.RunnerName = EntryName(i.ID)
	}
	if id, err := strconv.ParseInt(i.Tags[key.RunnerID], 10, 64); err == nil {
		r.RunnerID = id
	}
	return r
}

// indexed completes a name in the tags of machines that were launched together: the launch index is the rest.
func indexed(i ec2.Instance, name string) string {
	if name != "" && i.Tags[key.Slots] != "" {
		return IndexedName(name, i.LaunchIndex)
	}
	return name
}

// Time reads a time in a tag, zero where there is none that can be read.
func Time(tags map[string]string, key string) time.Time {
	at, err := time.Parse(time.RFC3339, tags[key])
	if err != nil {
		return time.Time{}
	}
	return at
}

// Stamp writes a time as tags have it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

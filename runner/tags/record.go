package tags

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The values of the tag key.Mode. An instance with any other value is left to the user.
const (
	ModeStart = "start"
	ModeBake  = "bake"
	ModePool  = "pool"
	ModeServe = "serve" // a machine of a runner scale set
	// ModeExisting marks a machine that belongs to the user.
	ModeExisting = "existing"
)

// Record is what the tags of an instance state or, if EC2 refused the tags, its client token. A time that is missing or
// unreadable is zero.
type Record struct {
	Tagged     bool   // whether it carries our tags
	Mode       string // that launched or adopted it
	Entry      bool   // whether it is an unclaimed pool entry, in any state
	RunID      string // of the run that launched it; empty if unknown
	RunnerName string // that it registers under, with the launch index if several were launched together
	RunnerID   int64  // in its own tag, 0 if none

	DueAt, ExpiresAt, SuspectSince  time.Time
	KeptFrom, KeptUntil             time.Time
	AfterJob                        time.Duration // how long the machine stays after its job, at most MaxKeep
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
		r.Mode, r.RunID = ModeStart, token.Run // only start launches without tags
	}
	if r.Entry = r.Mode == ModePool; r.Entry {
		r.RunnerName = EntryName(i.ID)
	}
	if id, err := strconv.ParseInt(i.Tags[key.RunnerID], 10, 64); err == nil {
		r.RunnerID = id
	}
	if minutes, err := strconv.Atoi(i.Tags[key.KeepAfterJob]); err == nil && minutes > 0 {
		r.AfterJob = min(time.Duration(min(minutes, 1000))*time.Minute, MaxKeep)
	}
	return r
}

// indexed completes a name in the tags of machines that were launched together: the launch index is its last part.
func indexed(i ec2.Instance, name string) string {
	if name != "" && i.Tags[key.Slots] != "" {
		return IndexedName(name, i.LaunchIndex)
	}
	return name
}

// Time reads the time in a tag; it is zero if missing or unreadable.
func Time(tags map[string]string, key string) time.Time {
	at, err := time.Parse(time.RFC3339, tags[key])
	if err != nil {
		return time.Time{}
	}
	return at
}

// Stamp formats a time for a tag.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

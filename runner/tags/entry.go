package tags

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// EntryName is the name under which an entry's runner registers.
func EntryName(id string) string { return NameOf(id) }

// IsUnstarted reports whether the entry was claimed and has not been started since.
func (r Record) IsUnstarted() bool {
	i := r.instance
	return i.Tags[key.Mode] == ModeStart && i.Tags[key.Pool] != "" && i.State == ec2.Stopped &&
		i.Tags[key.ClaimedFrom] != "" && i.Tags[key.ClaimedFrom] == Stamp(i.LaunchTime)
}

// EntryTags are those of a new entry. Times are fixed here: a request that is asked again must be the same.
func (id Identity) EntryTags(pool, group, fingerprint, version string, due, until time.Time) map[string]string {
	return map[string]string{
		key.Scope: id.Scope, key.Repository: id.Run.Repository, key.RunID: id.Run.ID, key.RunAttempt: id.Run.Attempt,
		key.Nonce: id.Nonce,
		key.Mode:  ModePool, key.Pool: pool, key.Group: group, key.Fingerprint: fingerprint, key.RunnerVersion: version,
		key.DueAt: Stamp(due), key.ExpiresAt: Stamp(until), key.PoolUntil: Stamp(until),
	}
}

// FreedTags make a claimed entry one that can be claimed again.
func (r Record) FreedTags() map[string]string {
	return map[string]string{
		key.Mode: ModePool, key.ExpiresAt: r.instance.Tags[key.PoolUntil], key.RunID: "", key.RunAttempt: "",
		key.Nonce: "", key.Label: "", key.Slot: "", key.RunnerName: "", key.RunnerID: "", key.DueAt: "",
		key.StaysFor:  "",
		key.ClaimedAt: "", key.ClaimedFrom: "", key.SuspectSince: "",
	}
}

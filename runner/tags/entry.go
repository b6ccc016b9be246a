package tags

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// EntryName returns the name under which the runner of a pool entry registers; id is the instance id.
func EntryName(id string) string { return NameOf(id) }

// IsUnstarted reports whether the entry has been claimed and not been started since.
func (r Record) IsUnstarted() bool {
	i := r.instance
	return i.Tags[key.Mode] == ModeStart && i.Tags[key.Pool] != "" && i.State == ec2.Stopped &&
		i.Tags[key.ClaimedFrom] != "" && i.Tags[key.ClaimedFrom] == Stamp(i.LaunchTime)
}

// EntryTags returns the tags of a new pool entry. The caller fixes the times, because a repeated request must be
// identical.
func (id Identity) EntryTags(pool, group, fingerprint, version string, due, until time.Time) map[string]string {
	return map[string]string{
		key.Scope: id.Scope, key.Repository: id.Run.Repository, key.RunID: id.Run.ID, key.RunAttempt: id.Run.Attempt,
		key.Nonce: id.Nonce,
		key.Mode:  ModePool, key.Pool: pool, key.Group: group, key.Fingerprint: fingerprint, key.RunnerVersion: version,
		key.DueAt: Stamp(due), key.ExpiresAt: Stamp(until), key.PoolUntil: Stamp(until),
	}
}

// FreedTags returns the tags that return a claimed entry to its pool.
func (r Record) FreedTags() map[string]string {
	return map[string]string{
		key.Mode: ModePool, key.ExpiresAt: r.instance.Tags[key.PoolUntil], key.RunID: "", key.RunAttempt: "",
		key.Nonce: "", key.Label: "", key.Slot: "", key.RunnerName: "", key.RunnerID: "", key.DueAt: "",
		key.StaysFor: "", key.KeepAfterJob: "",
		key.ClaimedAt: "", key.ClaimedFrom: "", key.SuspectSince: "",
	}
}

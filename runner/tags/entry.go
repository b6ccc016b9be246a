package tags

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// The tags of pool entries.
const (
	Pool  = Prefix + "pool"         // the pool's name; it stays when the entry is claimed
	Group = Prefix + "runner-group" // whose machines do not serve another group
	// Fingerprint is a hash of what the entry was launched with: a start takes only what it would launch itself.
	Fingerprint = Prefix + "fingerprint"
	// PoolUntil is the entry's expires-at, kept while a claim has put its own in that place.
	PoolUntil = Prefix + "pool-until"
	// ClaimedAt is when the entry was claimed, and ClaimedFrom the launch time that EC2 told then: it changes with
	// the next start, so that a claim which was never started can be told from a machine that was at work and then
	// stopped.
	ClaimedAt   = Prefix + "claimed-at"
	ClaimedFrom = Prefix + "claimed-from"
)

// EntryName is the name under which an entry's runner registers.
func EntryName(id string) string { return NameOf(id) }

// IsEntry reports whether an instance is an unclaimed entry of a pool, in whatever state.
func IsEntry(i ec2.Instance) bool { return IsTagged(i) && i.Tags[Mode] == ModePool }

// IsUnstarted reports whether an entry was claimed and has not been started since.
func IsUnstarted(i ec2.Instance) bool {
	return i.Tags[Mode] == ModeStart && i.Tags[Pool] != "" && i.State == ec2.Stopped &&
		i.Tags[ClaimedFrom] != "" && i.Tags[ClaimedFrom] == Stamp(i.LaunchTime)
}

// EntryTags are those of a new entry. Times are fixed here: a request that is asked again must be the same.
func (id Identity) EntryTags(pool, group, fingerprint, version string, due, until time.Time) map[string]string {
	return map[string]string{
		Scope: id.Scope, Repository: id.Run.Repository, RunID: id.Run.ID, RunAttempt: id.Run.Attempt,
		Nonce: id.Nonce,
		Mode:  ModePool, Pool: pool, Group: group, Fingerprint: fingerprint, RunnerVersion: version,
		DueAt: Stamp(due), ExpiresAt: Stamp(until), PoolUntil: Stamp(until),
	}
}

// FreedTags make a claimed entry one that can be claimed again.
func FreedTags(i ec2.Instance) map[string]string {
	return map[string]string{
		Mode: ModePool, ExpiresAt: i.Tags[PoolUntil], RunID: "", RunAttempt: "", Nonce: "",
		Label: "", Slot: "",
		RunnerName: "", RunnerID: "", DueAt: "", ClaimedAt: "", ClaimedFrom: "", SuspectSince: "",
	}
}

package runner

import (
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// An entry of a pool is an instance that was launched by `mode: pool`, booted once with everything in place, and
// stopped. It is ready while it is stopped and its mode is "pool". Who registers a runner under the entry's own name
// holds it: a scope gives a name only once. Whatever is done to an entry is done by its holder.
// docs/adr/0009-warm-pool.md has the reasons.

// The tags of pool entries.
const (
	TagPool  = TagPrefix + "pool"         // the pool's name; it stays when the entry is claimed
	TagGroup = TagPrefix + "runner-group" // whose machines do not serve another group
	// TagFingerprint is a hash of what the entry was launched with: a start takes only what it would launch itself.
	TagFingerprint = TagPrefix + "fingerprint"
	// TagPoolUntil is the entry's expires-at, kept while a claim has put its own in that place.
	TagPoolUntil = TagPrefix + "pool-until"
	// TagClaimedAt is when the entry was claimed, and TagClaimedFrom the launch time that EC2 told then: it changes with
	// the next start, so that a claim which was never started can be told from a machine that was at work and then
	// stopped.
	TagClaimedAt   = TagPrefix + "claimed-at"
	TagClaimedFrom = TagPrefix + "claimed-from"
)

// entryName is the name under which an entry's runner registers.
func entryName(id string) string { return RunnerName(id) }

// isEntry tells that an instance is an unclaimed entry of a pool, in whatever state.
func isEntry(i ec2.Instance) bool { return isTagged(i) && i.Tags[TagMode] == instanceOfPool }

// isUnstarted tells that an entry was claimed and has not been started since.
func isUnstarted(i ec2.Instance) bool {
	return i.Tags[TagMode] == instanceOfStart && i.Tags[TagPool] != "" && i.State == ec2.Stopped &&
		i.Tags[TagClaimedFrom] != "" && i.Tags[TagClaimedFrom] == stamp(i.LaunchTime)
}

// entryTags are those of a new entry. Times are fixed here: a request that is asked again must be the same.
func (id Identity) entryTags(pool, group, fingerprint, version string, due, until time.Time) map[string]string {
	return map[string]string{
		TagScope: id.Scope, TagRepository: id.Run.Repository, TagRunID: id.Run.ID, TagRunAttempt: id.Run.Attempt,
		TagNonce: id.Nonce,
		TagMode:  instanceOfPool, TagPool: pool, TagGroup: group, TagFingerprint: fingerprint, TagRunnerVersion: version,
		TagDueAt: stamp(due), TagExpiresAt: stamp(until), TagPoolUntil: stamp(until),
	}
}

// freedTags make a claimed entry one that can be claimed again.
func freedTags(i ec2.Instance) map[string]string {
	return map[string]string{
		TagMode: instanceOfPool, TagExpiresAt: i.Tags[TagPoolUntil], TagRunID: "", TagRunAttempt: "", TagNonce: "",
		TagLabel: "", TagSlot: "",
		TagRunnerName: "", TagRunnerID: "", TagDueAt: "", TagClaimedAt: "", TagClaimedFrom: "", TagSuspectSince: "",
	}
}

// groupKey names a runner group as the inputs do.
func (r StartRequest) groupKey() string {
	if r.GroupName != "" {
		return r.GroupName
	}
	return strconv.FormatInt(max(r.GroupID, 1), 10)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// fingerprint is a hash of what a machine of an offering is launched with and of what is set up on it before there is a
// job. An image that is found by its architecture counts as the architecture: `mode: pool` replaces entries of older
// ones.
func (st *start) fingerprint(g *group, offering ec2.Offering) (string, error) {
	offering.Placement.Region, offering.Placement.RootDevice = st.regionOf(offering.Placement), ""
	spec := ec2.LaunchSpec{
		Profile: g.Profile, Devices: g.Devices, Root: g.Root, Metadata: g.Metadata, Overlay: g.Overlay,
	}
	essence, err := spec.Essence(offering)
	if err != nil {
		return "", err
	}
	parts := []string{offering.Placement.Region, essence, g.Architecture, g.HomeDir, g.SetupScript,
		strings.Join(g.Packages, "\x00"),
		st.request.CACertificates, st.request.RunnerVersion}
	return shortHash(strings.Join(parts, "\x01"), 16), nil
}

// fingerprints are those of all on-demand offerings of a group, as the request has them.
func (st *start) fingerprints(g *group) (map[string]bool, error) {
	prints := map[string]bool{}
	for _, offering := range g.onDemand(g.Placements) {
		hash, err := st.fingerprint(g, offering)
		if err != nil {
			return nil, err
		}
		prints[hash] = true
	}
	return prints, nil
}

// onDemand lists a group's offerings as a pool asks for them.
func (g Group) onDemand(placements []ec2.Placement) []ec2.Offering {
	g.Markets = []string{OnDemand}
	return g.offerings(placements)
}

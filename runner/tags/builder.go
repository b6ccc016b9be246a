package tags

import (
	"maps"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// A builder is the machine that an image is made of (package ami). It is no runner, but it is found and swept like one:
// by the tags and the client token of the same identity.

// BuilderTags are those of a builder, which is to be gone at expires.
func (id Identity) BuilderTags(architecture string, expires time.Time) map[string]string {
	tags := id.ImageTags()
	tags[key.Scope], tags[key.RunAttempt], tags[key.Architecture] = id.Scope, id.Run.Attempt, architecture
	tags[key.ExpiresAt] = expires.UTC().Format(time.RFC3339)
	maps.Copy(tags, id.NonceTags())
	return tags
}

// ImageTags are those of everything that the repository bakes.
func (id Identity) ImageTags() map[string]string {
	return map[string]string{key.Repository: id.Run.Repository, key.Mode: ModeBake}
}

// NonceTags are those that nothing but this one bake's builders and images carries.
func (id Identity) NonceTags() map[string]string {
	return map[string]string{key.RunID: id.Run.ID, key.Nonce: id.Nonce}
}

// BuilderToken is the client token of one attempt to launch a builder.
func (id Identity) BuilderToken(architecture string, offering, try int) string {
	return id.ClientToken("bake "+architecture, 0, offering, try)
}

// CopyToken is the client token of one attempt to copy an image into a region.
func (id Identity) CopyToken(architecture, region string, try int) string {
	return id.ClientToken("copy "+architecture+" to "+region, 0, 0, try)
}

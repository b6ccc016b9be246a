package tags

import (
	"maps"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// A builder is the instance that an image is made from (package ami). It is not a runner, but stop and sweep find it
// the same way: by the tags and the client token of its identity.

// BuilderTags returns the tags of a builder that must be gone by expires.
func (id Identity) BuilderTags(architecture string, expires time.Time) map[string]string {
	tags := id.ImageTags()
	tags[key.Scope], tags[key.RunAttempt], tags[key.Architecture] = id.Scope, id.Run.Attempt, architecture
	tags[key.ExpiresAt] = expires.UTC().Format(time.RFC3339)
	maps.Copy(tags, id.NonceTags())
	return tags
}

// ImageTags returns the tags that every image and builder of the repository carries.
func (id Identity) ImageTags() map[string]string {
	return map[string]string{key.Repository: id.Run.Repository, key.Mode: ModeBake}
}

// NonceTags returns the tags that identify this bake: only its own builders and images carry them.
func (id Identity) NonceTags() map[string]string {
	return map[string]string{key.RunID: id.Run.ID, key.Nonce: id.Nonce}
}

// BuilderToken returns the client token of one attempt to launch a builder.
func (id Identity) BuilderToken(architecture string, offering, try int) string {
	return id.ClientToken("bake "+architecture, 0, offering, try)
}

// CopyToken returns the client token of one attempt to copy an image into a region.
func (id Identity) CopyToken(architecture, region string, try int) string {
	return id.ClientToken("copy "+architecture+" to "+region, 0, 0, try)
}

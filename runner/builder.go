package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// A builder is the machine that an image is made of (package ami). It is no runner, but it is found and swept like one:
// by the tags and the client token of the same identity.

// BuilderTags are those of a builder, which is to be gone at expires.
func (id Identity) BuilderTags(architecture string, expires time.Time) map[string]string {
	tags := id.ImageTags()
	tags[TagScope], tags[TagRunAttempt], tags[TagArchitecture] = id.Scope, id.Run.Attempt, architecture
	tags[TagExpiresAt] = expires.UTC().Format(time.RFC3339)
	for key, value := range id.NonceTags() {
		tags[key] = value
	}
	return tags
}

// ImageTags are those of everything that the repository bakes.
func (id Identity) ImageTags() map[string]string {
	return map[string]string{TagRepository: id.Run.Repository, TagMode: instanceOfBake}
}

// NonceTags are those that nothing but this one bake's builders and images carries.
func (id Identity) NonceTags() map[string]string {
	return map[string]string{TagRunID: id.Run.ID, TagNonce: id.Nonce}
}

// BuilderToken is the client token of one attempt to launch a builder.
func (id Identity) BuilderToken(architecture string, offering, try int) string {
	return id.clientToken("bake "+architecture, 0, offering, try)
}

// Software is the runner of a version, for each kind of processor, and the token that downloading it needs. Unlike a
// start, which can leave it to its machine, an image must know what is in it.
func Software(ctx context.Context, registry Enroller, webURL, version string,
	warn func(string)) (list []bootstrap.Software, token string, err error) {
	offered, err := registry.Downloads(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("find out which runner to bake: %w", err)
	}
	chosen, err := chooseSoftware(ctx, registry, offered, webURL, version, warn)
	return chosen.list, chosen.token, err
}

package serve

import (
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// This file names the machines of scale sets and tells them from others, by names and tags.

// A runner's name ends with a hash of installation and set, and with random characters.
const (
	markLength = 6
	nameLength = 8
)

// newName returns a new name of a runner of a set.
func newName(installation, set string) string {
	return nameBase(installation, set) + tags.RandomText(nameLength)
}

// isNameOf reports whether a runner's name belongs to a set: GitHub's list does not contain a runner's set. The hash
// excludes runners of a set with the same name in another group or account, and of one whose name differs only in
// characters that runner names may not have.
func isNameOf(installation, set, name string) bool {
	rest, ok := strings.CutPrefix(name, nameBase(installation, set))
	return ok && len(rest) == nameLength &&
		strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

func nameBase(installation, set string) string {
	return tags.CutTo(tags.NameOf(set), tags.MaxName-markLength-nameLength-2) + "-" +
		tags.ShortHash(installation+" "+set, markLength) + "-"
}

// identity returns the identity of one machine, whose label is the runner's name.
func identity(scope, runnerName string) tags.Identity {
	return tags.Identity{Run: tags.Run{Repository: scope}, Scope: scope, Nonce: tags.RandomText(nameLength),
		Label: runnerName}
}

// ownTags returns the tags of one machine.
func ownTags(id tags.Identity, set string, runnerID int64, due, expires time.Time) map[string]string {
	own := map[string]string{
		key.Scope: id.Scope, key.Mode: tags.ModeServe, key.ScaleSet: tags.Value(set), key.Nonce: id.Nonce,
		key.RunnerName: id.Label, key.RunnerID: strconv.FormatInt(runnerID, 10), key.DueAt: tags.Stamp(due),
		key.ExpiresAt: tags.Stamp(expires),
	}
	if strings.Contains(id.Scope, "/") && !strings.HasPrefix(id.Scope, "enterprises/") {
		own[key.Repository] = id.Scope // the sweeps of the repository filter by it
	}
	return own
}

// ofScope returns the selector of the machines of all scale sets of a scope.
func ofScope(scope string) ec2.Selector {
	return ec2.Selector{Tags: map[string]string{key.Scope: tags.EscapeFilter(scope), key.Mode: tags.ModeServe}}
}

// isOfSet reports whether an instance was launched for a set.
func isOfSet(i ec2.Instance, scope, set string) bool {
	return i.Tags[key.Mode] == tags.ModeServe && i.Tags[key.Scope] == scope && isSetName(i.Tags[key.ScaleSet], set)
}

// isSetName reports whether a tag names a set. GitHub does not tell names of sets apart by case.
func isSetName(tag, set string) bool { return strings.EqualFold(tag, tags.Value(set)) }

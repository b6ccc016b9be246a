package runner

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// This file decides which registration at GitHub is whose. Several starts at once may have one label, and so one name:
// docs/adr/0018-one-label-many-starts.md has the reasons.

// markPrefix begins the label that a registration carries until its start knows it by id.
const markPrefix = "egr-"

// mark is the label that tells a start's registrations from those of another start with the same name.
func (id Identity) mark() string { return markPrefix + id.Nonce }

// owner knows one machine's registration among those of others.
type owner struct {
	name  string // under which the machine registers
	other string // the name that it takes where another machine has the first one; "" where the first is its own alone
	mark  string
	ids   func(int64) bool // reports whether tags name this runner id; nil where there are none
	// unmarked says that a registration without any mark is taken for the machine's: its start may have had the name for
	// itself.
	unmarked bool
}

// names are those that the machine may have registered under, the surest first.
func (o owner) names() []string {
	list := []string{o.name, o.other}
	if o.unmarked {
		slices.Reverse(list)
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == "" })
}

// owns reports whether a registration is the machine's.
func (o owner) owns(r github.Runner) bool {
	switch {
	case o.ids != nil && o.ids(r.ID):
		return true
	case r.Name != o.name:
		return o.other != "" && r.Name == o.other
	case o.other == "" || hasLabel(r, o.mark):
		return true
	}
	return o.unmarked && !isMarked(r)
}

// isMarked reports whether a registration carries some start's mark.
func isMarked(r github.Runner) bool {
	return slices.ContainsFunc(r.Labels,
		func(l string) bool { return strings.HasPrefix(l, markPrefix) && len(l) == len(markPrefix)+nonceLength })
}

// owner is that of the slot's machine.
func (s *slot) owner(id Identity) owner { return owner{name: s.name, other: s.other, mark: id.mark()} }

// ownerOf reads in an instance's tags whose registration is the machine's.
func ownerOf(i ec2.Instance) owner {
	o := owner{
		name: registeredName(i), other: indexed(i, i.Tags[TagOtherName]), mark: markPrefix + i.Tags[TagNonce],
		ids: func(id int64) bool { return id != 0 && (runnerIDOf(i) == id || namesRunner(i, id)) },
	}
	if isEntry(i) {
		o.other = ""
	}
	return o
}

// ownerByToken reads it in the client token, for an instance whose tags EC2 refused. name is the one that its label
// makes.
func ownerByToken(i ec2.Instance, name string) owner {
	token, ok := parseToken(i.ClientToken)
	if !ok || len(token.nonce) != nonceLength {
		return owner{name: name}
	}
	id := Identity{Nonce: token.nonce}
	return owner{name: name, other: id.otherName(name), mark: id.mark(), unmarked: true}
}

// indexed completes a name in the tags of machines that were launched together: the launch index is the rest.
func indexed(i ec2.Instance, name string) string {
	if name != "" && i.Tags[TagSlots] != "" {
		return indexedName(name, i.LaunchIndex)
	}
	return name
}

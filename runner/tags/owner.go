package tags

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// HasLabel reports whether a runner carries a label. GitHub does not tell labels apart by case.
func HasLabel(r github.Runner, label string) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// MayOwn reports whether a registration may be the instance's.
func (r Record) MayOwn(registration github.Runner) bool {
	if !r.Tagged {
		token, ok := ParseToken(r.instance.ClientToken)
		return ok && token.Fits(registration)
	}
	return r.Owner().Owns(registration) || slices.Contains(r.Owner().Names(), registration.Name)
}

// This file decides which registration at GitHub is whose. Several starts at once may have one label, and so one name:
// docs/adr/0018-one-label-many-starts.md has the reasons.

// markPrefix begins the label that a registration carries until its start knows it by id.
const markPrefix = "egr-"

// Mark is the label that tells a start's registrations from those of another start with the same name.
func (id Identity) Mark() string { return markPrefix + id.Nonce }

// Owner knows one machine's registration among those of others.
type Owner struct {
	Name  string // under which the machine registers
	Other string // the name that it takes where another machine has the first one; "" where the first is its own alone
	Mark  string
	IDs   func(int64) bool // reports whether tags name this runner id; nil where there are none
	// unmarked reports whether a registration without any mark is taken for the machine's: its start may have had the
	// name for itself.
	unmarked bool
}

// Names are those that the machine may have registered under, the surest first.
func (o Owner) Names() []string {
	list := []string{o.Name, o.Other}
	if o.unmarked {
		slices.Reverse(list)
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == "" })
}

// Owns reports whether a registration is the machine's.
func (o Owner) Owns(r github.Runner) bool {
	switch {
	case o.IDs != nil && o.IDs(r.ID):
		return true
	case r.Name != o.Name:
		return o.Other != "" && r.Name == o.Other
	case o.Other == "" || HasLabel(r, o.Mark):
		return true
	}
	return o.unmarked && !IsMarked(r)
}

// IsMarked reports whether a registration carries some start's mark.
func IsMarked(r github.Runner) bool {
	return slices.ContainsFunc(r.Labels,
		func(l string) bool { return strings.HasPrefix(l, markPrefix) && len(l) == len(markPrefix)+nonceLength })
}

// Owner reads in the tags whose registration is the machine's.
func (r Record) Owner() Owner {
	o := Owner{
		Name: r.RunnerName, Other: indexed(r.instance, r.instance.Tags[key.OtherName]),
		Mark: markPrefix + r.instance.Tags[key.Nonce],
		IDs:  func(id int64) bool { return id != 0 && (r.RunnerID == id || r.NamesRunner(id)) },
	}
	if r.Entry {
		o.Other = ""
	}
	return o
}

// OwnerByToken reads it in the client token, for an instance whose tags EC2 refused. name is the one that its label
// makes.
func (r Record) OwnerByToken(name string) Owner {
	token, ok := ParseToken(r.instance.ClientToken)
	if !ok || len(token.Nonce) != nonceLength {
		return Owner{Name: name}
	}
	id := Identity{Nonce: token.Nonce}
	return Owner{Name: name, Other: id.OtherName(name), Mark: id.Mark(), unmarked: true}
}

// IsNamedFor reports whether a registration has a label and a name that a start makes of it: with the nonce or a number
// behind it where the plain name is taken or there are several.
func IsNamedFor(r github.Runner, label string) bool {
	name := []rune(NameOf(label))
	return HasLabel(r, label) && strings.HasPrefix(strings.ToLower(r.Name),
		strings.ToLower(string(name[:min(len(name), shortestName)])))
}

// shortestName is how much of a long name is left before a nonce and a number at least.
const shortestName = 40

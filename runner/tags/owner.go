package tags

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// HasLabel reports whether a runner has a label. GitHub ignores the case of labels.
func HasLabel(r github.Runner, label string) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// MayOwn reports whether a registration may belong to the instance.
func (r Record) MayOwn(registration github.Runner) bool {
	if !r.Tagged {
		token, ok := ParseToken(r.instance.ClientToken)
		return ok && token.Fits(registration)
	}
	return r.Owner().Owns(registration) || slices.Contains(r.Owner().Names(), registration.Name)
}

// This file decides which machine a registration at GitHub belongs to. Several concurrent starts may use one label, and
// so one name; see docs/adr/0018-one-label-many-starts.md.

// markPrefix begins the label that a registration carries until its start knows the runner id.
const markPrefix = "egr-"

// Mark returns the label that distinguishes a start's registrations from those of another start with the same name.
func (id Identity) Mark() string { return markPrefix + id.Nonce }

// Owner recognizes the registration of one machine.
type Owner struct {
	Name  string // that the machine registers under
	Other string // that it registers under if another machine has Name; "" if Name is its own
	Mark  string
	IDs   func(int64) bool // reports whether the tags name this runner id; nil without tags
	// unmarked reports whether a registration without a mark counts as the machine's: its start may have had the name
	// for itself.
	unmarked bool
}

// Names returns the names that the machine may have registered under, the most likely first.
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

// IsMarked reports whether a registration carries the mark of any start.
func IsMarked(r github.Runner) bool {
	return slices.ContainsFunc(r.Labels,
		func(l string) bool { return strings.HasPrefix(l, markPrefix) && len(l) == len(markPrefix)+nonceLength })
}

// Owner returns the owner that the tags describe.
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

// OwnerByToken returns the owner that the client token describes, for an instance whose tags EC2 refused. name is the
// runner name of its label.
func (r Record) OwnerByToken(name string) Owner {
	token, ok := ParseToken(r.instance.ClientToken)
	if !ok || len(token.Nonce) != nonceLength {
		return Owner{Name: name}
	}
	id := Identity{Nonce: token.Nonce}
	return Owner{Name: name, Other: id.OtherName(name), Mark: id.Mark(), unmarked: true}
}

// IsNamedFor reports whether a registration has a label and a name derived from it: the plain name, or the name with
// the nonce or a number as suffix (the plain name was taken, or the start has several runners).
func IsNamedFor(r github.Runner, label string) bool {
	name := []rune(NameOf(label))
	return HasLabel(r, label) && strings.HasPrefix(strings.ToLower(r.Name),
		strings.ToLower(string(name[:min(len(name), shortestName)])))
}

// shortestName is how many characters of a long name at least are left before the suffixes.
const shortestName = 40

package runner

import (
	"fmt"
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// rename gives a unit's slots the names of its first call.
func (u *unit) rename() {
	for i, s := range u.slots {
		s.name, s.other = u.namesOf(0, i)
	}
}

// namesOf are the names of the machine with a launch index of one call.
func (u *unit) namesOf(call, index int) (name, other string) {
	if base := u.otherBaseOf(call); base != "" {
		other = tags.IndexedName(base, index)
	}
	return tags.IndexedName(u.baseOf(call), index), other
}

// base is what the names of an offering's machines begin with, in this round.
func (u *unit) base(offering int) string { return u.baseOf(u.before + offering) }

// baseOf is what the names of one call's machines begin with. The launch index begins anew with each call, so every
// call after the group's first has a base of its own.
func (u *unit) baseOf(call int) string { return u.numbered(u.group.base, call) }

// otherBaseOf is the same for the names that the machines take where another start's have these; "" where none can.
func (u *unit) otherBaseOf(call int) string {
	if !u.group.shared {
		return ""
	}
	return u.numbered(u.st.Identity.OtherBase(u.group.base, tags.MaxIndexedName), call)
}

func (u *unit) numbered(base string, call int) string {
	if u.index == 0 && call == 0 {
		return base
	}
	return fmt.Sprintf("%s-%d.%d", base, u.index, call)
}

// spec is the launch of this round.
func (u *unit) spec() (ec2.LaunchSpec, error) {
	g, first := u.group, u.slots[0]
	data := make([][]byte, len(u.offerings))
	for i := range data {
		by := registration{name: first.name, other: first.other, token: u.st.token, jit: first.jit,
			mark: u.st.Identity.Mark()}
		if g.together {
			by.name, by.other = u.base(i), u.otherBaseOf(u.before+i)
		} else if i > 0 {
			data[i] = data[0]
			continue
		}
		var err error
		if data[i], err = g.spec(u.st.Request, by, u.st.offered).UserData(); err != nil {
			return ec2.LaunchSpec{}, err
		}
	}
	round := u.round * 2 // an offering is tried twice where EC2 refuses our tags
	spec := ec2.LaunchSpec{
		Machine: g.Machine, UserData: func(offering int) []byte { return data[offering] }, KeepTag: key.KeepVolumes,
		Token: func(offering, try int) string {
			return u.st.Identity.ClientToken(g.label, first.index, offering, round+try)
		},
	}
	if u.st.Request.OwnTags {
		spec.OwnTags, spec.TokenTag = u.ownTags(), key.ClientToken
	}
	return spec, nil
}

// ownTags returns our tags for each offering. Their times are fixed here: a request that is asked again must be the
// same.
func (u *unit) ownTags() func(offering int) map[string]string {
	first, calls := u.slots[0], u.before
	var expires time.Time
	if u.st.Request.MaxLifetime > 0 && !u.group.StopsOnPowerOff() {
		expires = u.st.Begun.Add(u.st.Request.MaxLifetime)
	}
	due := time.Now().Add(u.st.Request.Waiting.RegistrationTimeout())
	return func(offering int) map[string]string {
		values := u.st.Identity.Tags(first.index, u.group.label, first.name, first.runnerID, due, expires)
		other := first.other
		if u.group.together {
			values[key.RunnerName], values[key.Slots] = u.baseOf(calls+offering), strconv.Itoa(len(u.slots))
			other = u.otherBaseOf(calls + offering)
		}
		if other != "" {
			values[key.OtherName] = other
		}
		for name, value := range u.st.Request.stayTags(u.group.Group.Machine) {
			if value != "" {
				values[name] = value
			}
		}
		if u.group.JobReport {
			values[key.JobReport] = "true"
		}
		return values
	}
}

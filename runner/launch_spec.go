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
		s.name, s.alternative = u.namesOf(0, i)
	}
}

// namesOf returns the names of the machine with a launch index of one call.
func (u *unit) namesOf(call, index int) (name, other string) {
	if base := u.otherBaseOf(call); base != "" {
		other = tags.IndexedName(base, index)
	}
	return tags.IndexedName(u.baseOf(call), index), other
}

// base returns the base name of an offering's machines in this round.
func (u *unit) base(offering int) string { return u.baseOf(u.before + offering) }

// baseOf returns the base name of one call's machines. The launch index starts again with each call, so every call
// after the group's first has its own base.
func (u *unit) baseOf(call int) string { return u.numbered(u.group.base, call) }

// otherBaseOf returns the base of the alternative names, for machines whose names other starts have; "" if there can be
// none.
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

// spec returns the launch parameters of this round.
func (u *unit) spec() (ec2.LaunchSpec, error) {
	g, first := u.group, u.slots[0]
	data := make([][]byte, len(u.offerings))
	for i := range data {
		by := registration{name: first.name, other: first.alternative, token: u.st.token, jit: first.jit,
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
	round := u.round * 2 // an offering is tried twice if EC2 refuses our tags
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

// ownTags returns our tags for each offering. The times are fixed here, because a repeated request must be identical.
func (u *unit) ownTags() func(offering int) map[string]string {
	first, calls := u.slots[0], u.before
	var expires time.Time
	if u.st.Request.MaxLifetime > 0 && !u.group.StopsOnPowerOff() {
		expires = u.st.Begun.Add(u.st.Request.MaxLifetime)
	}
	due := time.Now().Add(u.st.Request.Waiting.RegistrationTimeout())
	return func(offering int) map[string]string {
		values := u.st.Identity.Tags(first.index, u.group.label, first.name, first.runnerID, due, expires)
		other := first.alternative
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

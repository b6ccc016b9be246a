package runner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// group is what the slots of one Group share.
type group struct {
	Group
	index int // among the groups
	label string
	base  string // the runner's name, or the beginning of its slots' names
	slots []*Slot
	units []*unit
	// shared reports whether other starts may have the same names at the same time: the user has given the label, and
	// the machines register themselves. A JIT registration is made before the launch, and GitHub grants its name to one
	// start only.
	shared  bool
	renamed bool // as a whole, because another runner has one of the names
	// roundLogged is the last round that logRound has reported.
	roundLogged int
	// together reports whether the slots are identical and are launched by one call per offering.
	together bool
	found    survey.Found // once the account is read
}

// Slot is the n-th runner of a start.
type Slot struct {
	group       *group
	unit        *unit
	index       int // among all slots
	name        string
	alternative string // the alternative name, if another start's runner has the first; "" if there is none
	stray       int64  // id of a registration of its own that its machine does not use any more
	runnerID    int64
	jit         string
	// registering reports whether a registration of the name may exist and is ours.
	registering bool
	trail       []ec2.Attempt // of the launch; the first slot has it for a group launched together
	instance    ec2.Instance
	offering    ec2.Offering // that the instance was launched by
	timeline    Timeline
	otherAt     time.Time // when its alternative name was last looked up
	strayAt     time.Time // when stray was first seen
	contested   bool      // whether another start's runner has had its name
	goneAt      time.Time // when GitHub first reported its registration as gone
	// stale reports whether GitHub reported its runner as online before its machine was started, and has not reported
	// it as offline since.
	stale   bool
	machine Machine
	failed  error // why this runner is given up
	ended   bool  // its instance is terminated
	kept    bool  // it stays for inspection and terminates itself
	console string
	boot    []diagnosis.BootPhase
	removed bool
}

// divide makes the slots of a group, and the units that are launched by one call each.
func (st *Start) divide(g *group) {
	g.base = tags.NameOf(g.label)
	most := 1
	if st.source.Match != nil {
		g.together, g.base = false, ""
	}
	if g.together {
		g.base, most = tags.CutTo(g.base, tags.MaxIndexedName), MaxTogether
	}
	for n := range g.count() {
		s := &Slot{group: g, index: len(st.slots), name: g.base}
		if st.source.Match == nil {
			s.name = g.coldName(n)
		}
		if g.shared && !g.together {
			s.alternative = st.Identity.OtherName(s.name)
		}
		s.machine = launched{st, s}
		g.slots, st.slots = append(g.slots, s), append(st.slots, s)
	}
	for slots := range slices.Chunk(g.slots, most) {
		u := &unit{st: st, group: g, index: len(g.units), slots: slots}
		for _, s := range slots {
			s.unit = u
		}
		if g.together {
			u.rename()
		}
		g.units = append(g.units, u)
	}
}

// coldName returns the name of the n-th slot of a group, unless another runner has it.
func (g *group) coldName(n int) string {
	if g.count() > 1 {
		return tags.CutTo(tags.IndexedName(g.base, n), tags.MaxName)
	}
	return g.base
}

// Key returns the slot's key in the output `runners`: its group's name, with a number if the group has several slots.
func (s *Slot) Key() string {
	key := cmp.Or(s.group.Name, s.group.label)
	if s.group.count() > 1 {
		key = fmt.Sprintf("%s-%d", key, s.index-s.group.slots[0].index)
	}
	return key
}

// Handoff returns what the start passes to a stop.
func (s *Slot) Handoff() tags.Handoff {
	mode := ""
	if s.machine.Kind() == Kept {
		mode = tags.ModeExisting
	}
	return tags.Handoff{
		Mode: mode, Name: s.Key(), Index: s.index, Label: s.group.label,
		InstanceID: s.instance.ID, Region: s.instance.Region, RunnerName: s.name, RunnerID: s.runnerID,
		InstanceType: s.instance.Type, Market: s.instance.Market, AvailabilityZone: s.instance.Zone,
	}
}

// owner returns the owner for the slot's machine.
func (s *Slot) owner(id tags.Identity) tags.Owner {
	return tags.Owner{Name: s.name, Other: s.alternative, Mark: id.Mark()}
}

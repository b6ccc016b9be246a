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
	base  string // the runner's name, or what its slots' names begin with
	slots []*Slot
	units []*unit
	// shared reports whether other starts may have the same names at the same time: the user has given the label, and
	// the machines register themselves. A registration by JIT is made before the launch, and GitHub lets one start
	// alone have the name.
	shared  bool
	renamed bool // as a whole, since some start's runner has one of the names
	// roundTold is the last round of which was said that it found no capacity.
	roundTold int
	// together reports whether the slots differ in nothing and are launched by one call per offering.
	together bool
	found    survey.Found // once the account is read
}

// Slot is the n-th runner of a start, and what is known of it.
type Slot struct {
	group    *group
	unit     *unit
	index    int // among all slots
	name     string
	other    string // the name that the machine takes where another start's runner has the first; "" where none can
	stray    int64  // a registration of the slot's own that its machine does not use any more
	runnerID int64
	jit      string
	// registering reports whether a registration of the name may exist from now on and is ours.
	registering bool
	trail       []ec2.Attempt // of the launch; of a group that launches together its first slot has it
	instance    ec2.Instance
	offering    ec2.Offering // that the instance was launched by
	timeline    Timeline
	otherAt     time.Time // when its other name was looked up last
	strayAt     time.Time // when it was seen first
	contested   bool      // another start's runner had its name at some look
	goneAt      time.Time // when GitHub first said that its registration is gone
	// GitHub called its runner online before its machine was started, and has not called it offline since
	stale   bool
	machine Machine
	failed  error // why this runner is given up
	ended   bool  // its instance is terminated
	kept    bool  // it stays for inspection and ends itself
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
			s.other = st.Identity.OtherName(s.name)
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

// coldName is the name of the n-th slot of a group, as long as it is not taken.
func (g *group) coldName(n int) string {
	if g.count() > 1 {
		return tags.CutTo(tags.IndexedName(g.base, n), tags.MaxName)
	}
	return g.base
}

// Key returns the slot's name in the output `runners`: its group's, with a number where the group has several.
func (s *Slot) Key() string {
	key := cmp.Or(s.group.Name, s.group.label)
	if s.group.count() > 1 {
		key = fmt.Sprintf("%s-%d", key, s.index-s.group.slots[0].index)
	}
	return key
}

// Handoff returns what the start gives to a stop.
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

// owner is that of the slot's machine.
func (s *Slot) owner(id tags.Identity) tags.Owner {
	return tags.Owner{Name: s.name, Other: s.other, Mark: id.Mark()}
}

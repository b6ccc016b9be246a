package simulator

import (
	"fmt"
	"maps"
	"time"
)

// Snapshot is the state of the world at a moment, in plain values.
type Snapshot struct {
	Time      time.Time
	Instances []Instance // by region in the order of Config.Regions, then by launch; those still listed by EC2
	Runners   []Runner   // by scope, then by id; those that exist
	Images    []Image
	Snapshots []string // ids of those that exist
	Volumes   []Volume // those that no instance has any more, and that go on costing money
}

// Volume is a volume that outlived its instance, or that never had one.
type Volume struct {
	ID, Region, Device, Instance string // Instance is the last that it was attached to
	State                        string // available, in-use, deleting
	Kept                         bool   // DeleteOnTermination is false
	Tags                         map[string]string
	Initial                      bool
}

// Instance is one instance.
type Instance struct {
	ID, Region, Zone, Subnet, Image, Type string
	State                                 string // pending, running, shutting-down, terminated, stopping, stopped
	StateReason                           string // its code
	Market                                string // on-demand or spot
	Tags, VolumeTags                      map[string]string
	ClientToken                           string
	UserData                              []byte // decoded, as the machine gets it
	Launched                              time.Time
	LaunchIndex                           int
	ShutdownBehavior, Profile             string
	SecurityGroups                        []string
	Params                                map[string]string // RunInstances' parameters
	Console                               string
	Initial                               bool
}

// Runner is one registration at GitHub.
type Runner struct {
	ID                   int64
	Scope, Name, Status  string // Status is online or offline
	Labels               []string
	Busy, Ephemeral, JIT bool
	Group                int64
	Instance             string // the id of its machine, "" for none
	Initial              bool
}

// Snapshot shows the whole truth at once, also what the services do not show yet.
func (w *World) Snapshot() Snapshot {
	w.enter()
	defer w.mu.Unlock()
	s := Snapshot{Time: w.now}
	for _, name := range w.cfg.Regions {
		r := w.cloud.regions[name]
		for _, i := range r.instances {
			s.Instances = append(s.Instances, i.value())
		}
		for _, v := range r.volumes {
			if v.status() == volumeAvailable {
				s.Volumes = append(s.Volumes, v.value(name))
			}
		}
		for _, i := range r.images {
			if !i.gone {
				s.Images = append(s.Images, i.value())
			}
		}
		for _, snap := range r.snapshots {
			if !snap.gone {
				s.Snapshots = append(s.Snapshots, snap.id)
			}
		}
	}
	for _, name := range sortedKeys(w.hub.scopes) {
		for _, r := range w.hub.scopes[name].runners {
			if !r.gone {
				s.Runners = append(s.Runners, r.value())
			}
		}
	}
	return s
}

// Settled reports whether the services' lists show what Snapshot shows: neither a launch, an image, a tag or a
// registration is too new for them, nor is a registration still listed that is gone.
func (w *World) Settled() bool {
	w.enter()
	defer w.mu.Unlock()
	for _, r := range w.cloud.regions {
		for _, i := range r.instances {
			if w.now.Before(i.visible) || !i.tags.settled() {
				return false
			}
		}
		for _, i := range r.images {
			if w.now.Before(i.visible) || !i.tags.settled() {
				return false
			}
		}
		for _, v := range r.volumes {
			if w.now.Before(v.visible) || !v.tags.settled() {
				return false
			}
		}
	}
	for _, s := range w.hub.scopes {
		for _, r := range s.runners {
			if r.gone == w.hub.shown(r) {
				return false
			}
		}
	}
	return true
}

func (i *instance) value() Instance {
	v := Instance{
		ID: i.id, Region: i.region, Zone: i.zone, Subnet: i.subnet, Image: i.image.ID, Type: i.kind.Name,
		State:       i.state,
		StateReason: i.reasonCode,
		Market:      i.market, Tags: clone(i.tags.set), ClientToken: i.token, UserData: append([]byte(nil),
			i.userData...),
		Launched: i.launched, LaunchIndex: i.index,
		ShutdownBehavior: i.shutdown, Profile: i.profile, SecurityGroups: append([]string(nil), i.groups...),
		Params: maps.Clone(i.params), Initial: i.initial,
		Console: i.guest.consoleUntil(i.guest.w.now),
	}
	if len(i.volumes) > 0 {
		v.VolumeTags = clone(i.volumes[0].tags.set)
	}
	return v
}

func (r *runner) value() Runner {
	v := Runner{ID: r.id, Scope: r.scope.name, Name: r.name, Status: r.status(), Busy: r.busy, Ephemeral: r.ephemeral,
		JIT: r.jit, Group: r.group, Initial: r.initial}
	for _, l := range r.labels {
		v.Labels = append(v.Labels, l.name)
	}
	if r.machine != nil {
		v.Instance = r.machine.id
	}
	return v
}

// Leftovers are the instances that cost money (neither terminated nor on their way there; stopped ones count) and the
// registrations that exist, beyond the initial population.
func (w *World) Leftovers() (instances []Instance, runners []Runner) {
	s := w.Snapshot()
	for _, i := range s.Instances {
		if !i.Initial && i.State != "terminated" && i.State != "shutting-down" {
			instances = append(instances, i)
		}
	}
	for _, r := range s.Runners {
		if !r.Initial {
			runners = append(runners, r)
		}
	}
	return instances, runners
}

// Changed returns in words what happened to the initial population: instances that are no longer in their state or have
// other tags, registrations and scale sets that were removed or altered, images and snapshots that are gone.
func (w *World) Changed() []string {
	w.enter()
	defer w.mu.Unlock()
	var changes []string
	for _, name := range w.cfg.Regions {
		r := w.cloud.regions[name]
		for _, i := range w.cloud.initial {
			if i.region == name && i.ownerState() != i.original {
				changes = append(changes, fmt.Sprintf("instance %s was %s and is %s", i.id, i.original, i.ownerState()))
			}
		}
		for _, i := range r.images {
			if i.initial && i.gone {
				changes = append(changes, "image "+i.ID+" is gone")
			}
		}
		for _, s := range r.snapshots {
			if s.initial && s.gone {
				changes = append(changes, "snapshot "+s.id+" is gone")
			}
		}
	}
	changes = append(changes, w.cloud.changedVolumes()...)
	for _, s := range w.hub.foreignSets {
		if now := s.ownerState(); now != s.original {
			changes = append(changes, fmt.Sprintf("scale set %s was %s and is %s", s.name, s.original, now))
		}
	}
	for _, r := range w.hub.initial {
		if now := r.ownerState(); now != r.original {
			changes = append(changes, fmt.Sprintf("runner %s (%d) was %s and is %s", r.name, r.id, r.original, now))
		}
	}
	return changes
}

package simulator

// ScaleSet is the state of one scale set.
type ScaleSet struct {
	ID            int
	Scope, Name   string
	Group         int64
	Labels        []string
	DisableUpdate bool
	Owner         string // of its session, "" for none
	Session       string // the session's id
	Capacity      int    // of the latest poll
	// Unacknowledged are the ids of messages that were delivered and not deleted; Pending counts job messages that were
	// not delivered.
	Unacknowledged []int
	Pending        int
	// The service's statistics, as they are now.
	Available, Assigned, Running, Registered, Busy, Idle int
}

// ScaleSets returns the sets that exist, in the order of their creation.
func (w *World) ScaleSets() []ScaleSet {
	w.enter()
	defer w.mu.Unlock()
	var found []ScaleSet
	for _, s := range w.hub.sets {
		n := s.statistics()
		v := ScaleSet{ID: s.id, Scope: s.scope.name, Name: s.name, Group: s.group, Labels: append([]string(nil),
			s.labels...),
			DisableUpdate: s.disableUpdate, Capacity: s.capacity, Pending: len(s.queue.pending), Available: n.Available,
			Assigned: n.Assigned, Running: n.Running, Registered: n.Registered, Busy: n.Busy, Idle: n.Idle}
		if live := s.live(); live != nil {
			v.Owner, v.Session = live.owner, live.id
		}
		for _, b := range s.queue.sent {
			v.Unacknowledged = append(v.Unacknowledged, b.id)
		}
		found = append(found, v)
	}
	return found
}

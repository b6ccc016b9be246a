package simulator

import "sync"

// darkness is a switch: once it fell, nothing is answered any more.
type darkness struct {
	mu sync.Mutex
	ch chan struct{}
}

func newDarkness() *darkness { return &darkness{ch: make(chan struct{})} }

func (d *darkness) fell() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ch
}

func (d *darkness) fall() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.ch:
	default:
		close(d.ch)
	}
}

func (d *darkness) lift() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ch = make(chan struct{})
}

// Dark makes the whole world fall silent: requests under way and new ones get no answer until their own context ends.
// Under way means also that the service may or may not have acted. Time goes on for instances and runners.
func (w *World) Dark() { w.dark.fall() }

// Light ends Dark for requests that come after it.
func (w *World) Light() { w.dark.lift() }

package simulator

import (
	"context"
	"time"
)

// alarm carries out what is due while nobody but long polls waits in the world.
type alarm struct {
	polls int // that wait
	timer *time.Timer
	at    time.Time
}

// await waits until a long poll is ready, for as long as Timing.LongPoll at most, and ends with its client. It holds no
// lock while it waits: what happens in the world meanwhile is carried out by whoever looks, or by the alarm.
func (w *World) await(ctx context.Context, darks []<-chan struct{}, look func() (bool, <-chan struct{})) fate {
	over := time.NewTimer(w.scaled(w.cfg.Timing.LongPoll))
	defer over.Stop()
	w.countPolls(1)
	defer w.countPolls(-1)
	for {
		w.enter()
		ready, changed := look()
		w.mu.Unlock()
		if ready {
			return pass(ctx, darks, 0)
		}
		select {
		case <-changed:
		case <-over.C:
			return pass(ctx, darks, 0)
		case <-darks[0]:
			return pass(ctx, darks, -1)
		case <-darks[1]:
			return pass(ctx, darks, -1)
		case <-ctx.Done():
			return abandoned
		}
	}
}

func (w *World) countPolls(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarm.polls += n
	w.setAlarm()
}

// setAlarm sets the alarm to the next event while long polls wait, and clears it otherwise. The world is locked.
func (w *World) setAlarm() {
	a := &w.alarm
	next, planned := w.queue.next()
	if a.timer != nil && a.polls > 0 && planned && next.Equal(a.at) {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if a.polls == 0 || !planned {
		return
	}
	a.at = next
	a.timer = time.AfterFunc(time.Until(next), func() {
		w.enter()
		w.mu.Unlock()
	})
}

package tags

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// StaysByTag says that the machine reads KeptUntil.
const StaysByTag = "kept-until"

// MaxKeep is the longest time for which a stop keeps a machine, and how long an ordinary machine stays by itself once
// its registration is removed.
const MaxKeep = time.Hour

// ownEndDelay is how much later than its time a machine may end by itself: its runner learns only at its next request
// that its registration is gone, and may be started five times more.
const ownEndDelay = 2 * time.Minute

// IsKept reports whether the instance is kept for inspection now.
func (r Record) IsKept(now time.Time) bool { return now.Before(r.KeptUntil) }

// IsKeptFailed reports whether the instance is kept now since its start failed.
func (r Record) IsKeptFailed(now time.Time) bool { return r.IsKept(now) && r.KeptFrom.IsZero() }

// IsKeptTooLong reports whether the time is over for which a stop has kept the instance.
func (r Record) IsKeptTooLong(now time.Time) bool { return !r.KeptFrom.IsZero() && !r.IsKept(now) }

// Keep returns the tags that keep the instance for so long from now, and when it ends by itself at the latest. A later
// stop changes the time, but not to more than MaxKeep after the first one.
func (r Record) Keep(now time.Time, d time.Duration) (values map[string]string, until, end time.Time) {
	from := r.KeptFrom
	if from.IsZero() {
		from = now
	}
	if until = now.Add(d); until.After(from.Add(MaxKeep)) {
		until = from.Add(MaxKeep)
	}
	end = until.Add(ownEndDelay)
	if minutes, err := strconv.Atoi(r.instance.Tags[key.StaysFor]); err == nil {
		end = from.Add(time.Duration(minutes)*time.Minute + ownEndDelay)
	}
	if end.Before(until) {
		until = end
	}
	return map[string]string{key.KeptFrom: Stamp(from), key.KeptUntil: Stamp(until)}, until, end
}

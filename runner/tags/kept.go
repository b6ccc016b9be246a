package tags

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// StaysByTag is the value of key.StaysFor on a machine that itself reads the tag key.KeptUntil.
const StaysByTag = "kept-until"

// MaxKeep is the longest time for which stop keeps a machine, and how long an ordinary machine stays up by itself after
// its registration is removed.
const MaxKeep = time.Hour

// ownEndDelay is how much later than planned a machine may terminate itself: its runner learns only at its next request
// that its registration is gone, and may be restarted five times.
const ownEndDelay = 2 * time.Minute

// IsKept reports whether the instance is kept for inspection at the time now.
func (r Record) IsKept(now time.Time) bool { return now.Before(r.KeptUntil) }

// IsKeptFailed reports whether the instance is kept at the time now because its start failed.
func (r Record) IsKeptFailed(now time.Time) bool { return r.IsKept(now) && r.KeptFrom.IsZero() }

// IsKeptTooLong reports whether the time for which a stop kept the instance is over.
func (r Record) IsKeptTooLong(now time.Time) bool { return !r.KeptFrom.IsZero() && !r.IsKept(now) }

// Keep returns the tags that keep the instance for the duration d from now, and when it terminates itself at the
// latest. A later stop can change the time, but not beyond MaxKeep after the first one.
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

package runner

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// A machine terminates itself once its runner has ended for good, also if a stop with keep-minutes has removed its
// registration (docs/adr/0028-kept-machines.md).

// keepEnded is how long a machine stays after that. With 0, a single-use one does not stay at all, and any other stays
// until something ends it.
func (r StartRequest) keepEnded(m machine.Machine) time.Duration {
	switch {
	case m.StopsOnPowerOff():
		return 0
	case !r.JIT:
		return tags.MaxKeep
	case r.KeepAfterJob > 0 || r.Ephemeral:
		return r.KeepAfterJob
	}
	return r.IdleTimeout // it is terminated then anyway
}

// stayTags returns the tags that say how long a machine stays by itself once its runner has ended, and for how long of
// that a sweep leaves it alone. A value is empty where there is no such time.
func (r StartRequest) stayTags(m machine.Machine) map[string]string {
	values := map[string]string{key.StaysFor: r.staysFor(m), key.KeepAfterJob: ""}
	if r.JIT && r.KeepAfterJob > 0 && !m.StopsOnPowerOff() {
		values[key.KeepAfterJob] = inMinutes(r.KeepAfterJob)
	}
	return values
}

// staysFor returns the value of the tag key.StaysFor; it is "" if the machine terminates itself at once, or not in
// time.
func (r StartRequest) staysFor(m machine.Machine) string {
	switch {
	case m.StopsOnPowerOff(), r.Ephemeral && r.KeepAfterJob == 0:
		return ""
	case m.ShowsTags():
		return tags.StaysByTag
	case r.JIT && r.KeepAfterJob == 0:
		return ""
	}
	return inMinutes(r.keepEnded(m))
}

func inMinutes(d time.Duration) string { return strconv.Itoa(int(d / time.Minute)) }

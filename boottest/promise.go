//go:build boottest

package boottest

import (
	"strings"
	"testing"
	"time"
)

// later is how long after a case the machine is looked at again: its watchdog looks every second, and most of what
// ends a machine by mistake does so within two.
const later = 4 * time.Second

// keepsPromise fails the test unless the machine is still as promised some time later: off, or on with one listener
// that is connected; a single-use runner that has done its job leaves none.
func (i *instance) keepsPromise(t *testing.T, singleUse bool) {
	t.Helper()
	if i.off() {
		return
	}
	i.wait("online", soon)
	want := "1"
	if singleUse && i.didJob() {
		want = "0"
	}
	listeners := func() string { return i.sh("cat /proc/[0-9]*/comm 2>/dev/null | grep -cx Runner.Listener || :") }
	i.poll(want+" listeners", soon, time.Second, func() bool { return listeners() == want })
	i.stays(later)
	if got := listeners(); got != want {
		t.Errorf("later there are %s listeners, want %s", got, want)
	}
	if got := i.sh("cd /run/ec2-github-runner; cat failed ended 2>/dev/null; systemctl is-active ec2-github-runner-watch"); got != "active" {
		t.Errorf("later the watchdog is %q", got)
	}
	for _, e := range i.events() {
		if e.What == "session conflict" {
			t.Errorf("a second listener: %+v", e)
		}
	}
}

// didJob reports whether a job has ended in this boot.
func (i *instance) didJob() bool {
	for _, e := range i.events() {
		if strings.HasPrefix(e.What, "job ") && !strings.HasSuffix(e.What, " begins") {
			return true
		}
	}
	return false
}

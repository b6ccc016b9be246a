//go:build boottest

package boot

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// later is how long after a case the machine is checked again: its watchdog checks every second, and most mistakes that
// end a machine do so within two.
const later = 4 * time.Second

// keepsPromise fails the test unless the machine is still in its expected state some time later: off if the case waited
// for that, or on with one connected listener; a single-use runner that has done its job leaves none.
func (i *instance) keepsPromise(t *testing.T, singleUse bool) {
	t.Helper()
	if err := i.brokenPromise(singleUse); err != nil {
		t.Error(err)
	}
}

// brokenPromise returns what is wrong with the machine, now or some time later. It waits for what may still come.
func (i *instance) brokenPromise(singleUse bool) error {
	if i.ended {
		return nil
	}
	if i.off() {
		return errors.New("the machine is off, but nothing in this case switches it off")
	}
	i.wait("online", soon)
	want := 1
	if singleUse && i.didJob() {
		want = 0
	}
	i.poll(fmt.Sprint(want, " listeners"), soon, 500*time.Millisecond, func() bool {
		n, err := i.listeners()
		return err == nil && n == want || i.off()
	})
	pause(later)
	if i.off() {
		return errors.New("later the machine is off, but nothing in this case switches it off")
	}
	wrong := []error{i.brokenWatchdog()}
	n, err := i.listeners()
	if err == nil && n != want {
		err = fmt.Errorf("later there are %d listeners, want %d", n, want)
	}
	wrong = append(wrong, err)
	for _, e := range i.events() {
		if e.What == "session conflict" {
			wrong = append(wrong, fmt.Errorf("a second listener: %+v", e))
		}
	}
	return errors.Join(wrong...)
}

// brokenWatchdog returns what is wrong with the watchdog; foreign user data has none.
func (i *instance) brokenWatchdog() error {
	if i.foreign {
		return nil
	}
	const look = "cd /run/ec2-github-runner; cat failed ended 2>/dev/null; systemctl is-active ec2-github-runner-watch"
	if got := i.sh(look); got != "active" {
		return fmt.Errorf("later the watchdog is %q", got)
	}
	return nil
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

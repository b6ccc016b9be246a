//go:build boottest

package boot

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of how many machines are on at the same time, and how many start up at a time.
const (
	// The systemd and daemons of each machine take that many inotify instances. All of them are root's, for which the
	// kernel's default limit is 128; units whose systemd gets none fail or hang.
	watchesOfEach, watchesWithDocker = 9, 16
	// watchesOfOthers are left for other programs on the host.
	watchesOfOthers = 10
	// startUp is how long an instance counts as starting up if its runner does not come online.
	startUp = 6 * time.Second
)

var (
	admitting sync.Mutex
	// watches is a semaphore over the inotify instances that machines may take.
	watches chan struct{}
	// starting limits how many instances start up at a time. A boot needs a processor for some seconds, and afterwards
	// a case mostly waits: so many cases run in parallel without slowing down each other's boots.
	starting = make(chan struct{}, 2*runtime.NumCPU())
)

// countWatches reads the kernel's limit of inotify instances.
func countWatches() error {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		return err
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && have < 2*watchesWithDocker+watchesOfOthers {
		err = fmt.Errorf("%d inotify instances are too few for machines with systemd: raise "+
			"fs.inotify.max_user_instances", have)
	}
	if err != nil {
		return err
	}
	watches = make(chan struct{}, have-watchesOfOthers)
	return nil
}

// admit waits until one more machine may be switched on. Only one case asks at a time, so that no two wait for each
// other.
func admit(needs int) {
	admitting.Lock()
	defer admitting.Unlock()
	for range needs {
		watches <- struct{}{}
	}
	starting <- struct{}{}
}

// follow releases what the instance was admitted with: its start once its runner is online, the rest when it is off or
// its test has ended.
func (i *instance) follow(start time.Duration, boot int64) {
	started := sync.OnceFunc(func() { <-starting })
	defer func() {
		started()
		for range i.watches {
			<-watches
		}
	}()
	began := time.Now()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-i.t.Context().Done():
			return
		case <-look.C:
		}
		if i.off() || i.boots.Load() != boot {
			return
		}
		if time.Since(began) > startUp || i.connected(start) {
			started()
			look.Reset(time.Second)
		}
	}
}

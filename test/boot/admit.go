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

// What bounds how many machines are on side by side, and how many start up at a time.
const (
	// Each machine's systemd and daemons take that many inotify instances. All of them are root's, of which the
	// kernel's default is 128: units whose systemd gets none fail or hang.
	watchesOfEach, watchesWithDocker = 9, 16
	// watchesOfOthers are for what else runs on the computer.
	watchesOfOthers = 10
	// startUp is how long an instance counts as starting up if no runner of it comes online.
	startUp = 6 * time.Second
)

var (
	admitting sync.Mutex
	// watches has room for as many inotify instances as machines may take.
	watches chan struct{}
	// starting bounds how many instances start up at a time. A boot needs a processor for some seconds, and most of
	// what comes after it waits: so many cases run side by side, and none is held up in its boot by all others.
	starting = make(chan struct{}, 2*runtime.NumCPU())
)

// countWatches asks the kernel how many inotify instances there may be.
func countWatches() error {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		return err
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && have < 2*watchesWithDocker+watchesOfOthers {
		err = fmt.Errorf("%d inotify instances are too few for machines with systemd: raise "+
			"fs.inotify.max_user_instances",
			have)
	}
	if err != nil {
		return err
	}
	watches = make(chan struct{}, have-watchesOfOthers)
	return nil
}

// admit waits until one more machine may be switched on. One at a time asks, so that no two wait for each other's rest.
func admit(needs int) {
	admitting.Lock()
	defer admitting.Unlock()
	for range needs {
		watches <- struct{}{}
	}
	starting <- struct{}{}
}

// follow gives back what the instance was admitted with: its start once its runner is online, all else when it is off
// or its test has ended.
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

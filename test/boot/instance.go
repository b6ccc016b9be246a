//go:build boottest

package boot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// soon is a generous timeout, also for a busy host; the conditions are polled often.
const soon = 4 * time.Minute

// launch describes an instance.
type launch struct {
	// image is the container's image.
	image string
	// source is cloud-init's data source: NoCloud (default) or Ec2.
	source string
	// userData is as in RunInstances, before base64.
	userData []byte
	plan     plan.Plan
	// before is a shell script that runs in the container before its init, at each boot.
	before string
	// args are further arguments of docker.
	args []string
	// foreign marks user data that is not ours.
	foreign bool
	// docker marks a machine that installs docker.
	docker bool
}

// instance is a container that simulates an EC2 instance.
type instance struct {
	t    testing.TB
	id   string
	dir  string
	name string
	// container is the engine's name of the container.
	container string
	// start is when it was switched on, by the kernel's monotonic clock and by the wall clock.
	start     time.Duration
	startWall time.Time
	// ended is set once the case has waited for the machine's end in this boot: then it must be off, otherwise on.
	ended bool
	// foreign is set if the user data is not ours.
	foreign bool
	// watches are the inotify instances that it takes.
	watches int
	// boots counts how often it was switched on.
	boots atomic.Int64
}

var instances atomic.Int64

// boot switches an instance on and removes it when the test ends.
func boot(t testing.TB, l launch) *instance {
	t.Helper()
	n := instances.Add(1)
	i := &instance{t: t, id: fmt.Sprintf("i-0%07x%04x", os.Getpid(), n), dir: t.TempDir(),
		name: fmt.Sprintf("egr-boottest-%d-%d", os.Getpid(), n)}
	for _, sub := range []string{"in", "out", "seed"} {
		must(t, os.MkdirAll(filepath.Join(i.dir, sub), 0o755))
	}
	for _, name := range []string{"ca.pem", "github.pem", "github.key"} {
		text, err := os.ReadFile(filepath.Join(parts.own, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(i.dir, "in", name), text, 0o600))
	}
	// Speed tests make their own host keys (init.sh).
	if !strings.Contains(t.Name(), "Speed") {
		must(t, os.WriteFile(filepath.Join(i.dir, "in", "keys"), parts.hostKey, 0o600))
		must(t, os.WriteFile(filepath.Join(i.dir, "in", "ssh-keygen"), parts.keygen, 0o755))
	}
	if l.plan.InstanceID == "" {
		l.plan.InstanceID = i.id
	}
	l.plan.Tarball = "/boottest/cache/" + filepath.Base(l.plan.Tarball)
	i.give(l.plan, l.userData)
	if l.before != "" {
		must(t, os.WriteFile(filepath.Join(i.dir, "in", "before.sh"), []byte(l.before), 0o600))
	}
	if l.source == "" {
		l.source = "NoCloud"
	}
	args := []string{
		"create", "--tty", "--name", i.name, "--hostname", "boottest",
		"--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "seccomp=unconfined", "--network", "none",
		"--tmpfs", "/run", "--tmpfs", "/tmp:exec", "--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
		"--env", "container=docker", "--env", "DATASOURCE=" + l.source,
		"--volume", i.dir + "/in:/boottest/in", "--volume", i.dir + "/out:/boottest/out", "--volume",
		i.dir + "/seed:/var/lib/cloud/seed/nocloud",
		"--volume", parts.machine + ":/boottest/machine:ro", "--volume", parts.initScript + ":/boottest/init:ro",
		"--volume", parts.dir + ":/boottest/cache:ro", "--volume",
		filepath.Join(parts.dir, parts.vendors) + ":/boottest/vendors:ro",
	}
	for _, host := range hosts {
		args = append(args, "--add-host", host+":127.0.0.1")
	}
	args = append(args, l.args...)
	i.foreign, i.watches = l.foreign, watchesOfEach
	if l.docker || strings.HasPrefix(l.image, bakedImages) {
		i.watches = watchesWithDocker
	}
	var err error
	i.container, err = engine(append(args, l.image, "/bin/bash", "/boottest/init")...)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", i.console())
			log, _ := exec.Command("docker", "exec", i.name, "cat", "/tmp/runner-setup.log").CombinedOutput()
			t.Logf("runner-setup.log:\n%s", log)
			t.Logf("events:\n%+v", i.events())
		}
		if _, err := engineAsk(http.MethodDelete, "/containers/"+i.name, url.Values{"force": {"1"},
			"v": {"1"}}); err != nil {
			t.Error(err)
		}
	})
	i.on()
	return i
}

// give sets the plan of the world and the user data for the next boot.
func (i *instance) give(p plan.Plan, userData []byte) {
	i.t.Helper()
	must(i.t, p.Save(filepath.Join(i.dir, "in")))
	must(i.t, os.WriteFile(filepath.Join(i.dir, "in", "user-data"), userData, 0o600))
	must(i.t, os.WriteFile(filepath.Join(i.dir, "seed", "user-data"), userData, 0o600))
	must(i.t, os.WriteFile(filepath.Join(i.dir, "seed", "meta-data"), []byte("instance-id: "+p.InstanceID+"\n"), 0o600))
}

// on switches the instance on, for the first time or again.
func (i *instance) on() {
	i.t.Helper()
	admit(i.watches)
	i.ended = false
	i.start, i.startWall = monotonic(), time.Now()
	_, err := engineAsk(http.MethodPost, "/containers/"+i.name+"/start", nil)
	go i.follow(i.start, i.boots.Add(1))
	must(i.t, err)
}

// forget makes the stand-in GitHub forget earlier boots.
func (i *instance) forget() error { return os.Remove(filepath.Join(i.dir, "out", "github.json")) }

// again switches the instance on after it was switched off.
func (i *instance) again() {
	i.t.Helper()
	i.waitOff(time.Minute)
	i.on()
}

// connected reports whether a runner has come online since then.
func (i *instance) connected(since time.Duration) bool {
	return slices.ContainsFunc(i.eventsSince(since), func(e plan.Event) bool { return e.What == "online" })
}

// events returns the events of this boot.
func (i *instance) events() []plan.Event { return i.eventsSince(i.start) }

func (i *instance) eventsSince(start time.Duration) []plan.Event {
	text, err := os.ReadFile(filepath.Join(i.dir, "out", "events"))
	if err != nil {
		return nil
	}
	var list []plan.Event
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e plan.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.At >= start {
			list = append(list, e)
		}
	}
	return list
}

// find returns the first event of this boot with that prefix.
func (i *instance) find(what string) (plan.Event, bool) {
	events := i.events()
	n := slices.IndexFunc(events, func(e plan.Event) bool { return strings.HasPrefix(e.What, what) })
	if n < 0 {
		return plan.Event{}, false
	}
	return events[n], true
}

// poll waits until a condition is true, and fails the test after a timeout.
func (i *instance) poll(what string, within, every time.Duration, yes func() bool) {
	i.t.Helper()
	end := time.NewTimer(within)
	defer end.Stop()
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		select {
		case <-end.C:
			i.t.Fatalf("%s: not within %v", what, within)
		case <-look.C:
			if yes() {
				return
			}
		}
	}
}

// wait waits for an event and returns it.
func (i *instance) wait(what string, within time.Duration) plan.Event {
	i.t.Helper()
	var found plan.Event
	// An event carries its own time. Each poll reads all of them, and twelve cases poll at the same time.
	i.poll(what, within, 100*time.Millisecond, func() bool {
		e, ok := i.find(what)
		found = e
		return ok
	})
	return found
}

// waitConsole waits for a line of ours with that text.
func (i *instance) waitConsole(text string) {
	i.t.Helper()
	i.poll("console: "+text, soon, 500*time.Millisecond, func() bool { return strings.Contains(i.console(), text) })
}

// waitOff waits until the machine has switched itself off.
func (i *instance) waitOff(within time.Duration) {
	i.t.Helper()
	i.poll("power off", within, 500*time.Millisecond, i.off)
	i.ended = true
}

// stays fails the test if the machine switches itself off within that time.
func (i *instance) stays(d time.Duration) {
	i.t.Helper()
	pause(d)
	if i.off() {
		i.t.Fatalf("the machine is off")
	}
}

// pause waits where the absence of an event is checked.
func pause(d time.Duration) { <-time.After(d) }

// sh runs a shell script on the instance as root and returns its output.
func (i *instance) sh(script string) string {
	i.t.Helper()
	out, err := exec.Command("docker", "exec", i.name, "bash", "-c", script).CombinedOutput()
	if err != nil {
		i.t.Fatalf("on the instance: %s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

var ownLine = regexp.MustCompile(`(?m)^(\S+) .*?ec2-github-runner: ([^|\r\n]*?) \([0-9.]+ s\)\r*$`)

// phases returns one line: what happened when, in seconds since the machine was switched on.
func (i *instance) phases() string {
	type phase struct {
		at   time.Duration
		what string
	}
	var list []phase
	for _, m := range ownLine.FindAllStringSubmatch(i.logs(true), -1) {
		at, err := time.Parse(time.RFC3339Nano, m[1])
		if err == nil {
			list = append(list, phase{at.Sub(i.startWall), m[2]})
		}
	}
	for _, e := range i.events() {
		if e.What == "online" || e.What == "registered" || strings.HasPrefix(e.What, "job ") {
			list = append(list, phase{e.At - i.start, "[" + e.What + "]"})
		}
	}
	slices.SortStableFunc(list, func(a, b phase) int { return int(a.at - b.at) })
	var words []string
	for _, p := range list {
		words = append(words, fmt.Sprintf("%.1f %s", p.at.Seconds(), p.what))
	}
	return strings.Join(words, " · ")
}

// processor returns the processor time of the instance since it was switched on; 0 if the kernel does not say, or if it
// is off.
func (i *instance) processor() time.Duration {
	if text, err := os.ReadFile("/sys/fs/cgroup/cpuacct/docker/" + i.container + "/cpuacct.usage"); err == nil {
		n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(n)
	}
	var micro int64
	if text, err := os.ReadFile("/sys/fs/cgroup/docker/" + i.container + "/cpu.stat"); err == nil {
		_, _ = fmt.Sscanf(string(text), "usage_usec %d", &micro)
	}
	return time.Duration(micro) * time.Microsecond
}

func monotonic() time.Duration {
	var ts syscall.Timespec
	// CLOCK_MONOTONIC is 1.
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(ts.Nano())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

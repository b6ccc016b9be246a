//go:build boottest

package boot

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// keptSeconds is how long these machines stay after their runner has ended. A start sets an hour.
const keptSeconds = 20

func keptFor(s *bootstrap.Spec) { s.KeepEnded = keptSeconds * time.Second }

// readsTag makes the instance's tags readable in its metadata.
func readsTag(s *bootstrap.Spec) { keptFor(s); s.Metadata = `{"InstanceMetadataTags":"enabled"}` }

// deregister removes the runner's registration, as a stop with keep-minutes does.
func (i *instance) deregister(name string) {
	i.t.Helper()
	i.sh("/boottest/machine remove " + name)
	i.wait("removed "+name, soon)
}

// keptUntil writes the tag kept-until for the metadata service.
func (i *instance) keptUntil(at time.Time) {
	i.t.Helper()
	must(i.t, os.WriteFile(filepath.Join(i.dir, "in", "kept-until"), []byte(at.UTC().Format(time.RFC3339)), 0o644))
}

// runnerEnded waits until the machine knows that its runner has ended, and returns when.
func (i *instance) runnerEnded() time.Time {
	i.t.Helper()
	i.poll("the runner has ended", 2*soon, 500*time.Millisecond,
		func() bool { return i.sh("[ ! -s /run/ec2-github-runner/state/ended ] || echo yes") == "yes" })
	return time.Now()
}

// offAfter waits for the machine's end and fails the test unless it comes within the given time after its runner's.
func (i *instance) offAfter(ended time.Time, least, most time.Duration) {
	i.t.Helper()
	i.waitOff(2 * soon)
	if took := time.Since(ended); took < least-2*time.Second || took > most+8*time.Second {
		i.t.Errorf("it went off %.1f s after its runner's end, want %v to %v", took.Seconds(), least, most)
	}
}

// TestKept: a machine whose registration a stop has removed terminates itself, with and without the tag that says when,
// and no job on it is cut off.
func TestKept(t *testing.T) {
	const all = keptSeconds * time.Second
	runAll(t, []scenario{
		{
			name: "registration removed: the machine ends by its bound", spec: keptFor, plan: job("echo"),
			check: func(_ *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.deregister(jitName)
				i.offAfter(i.runnerEnded(), all, all)
			},
		},
		{
			name: "an idle time-out does not shorten it", plan: job("echo"),
			spec: func(s *bootstrap.Spec) { keptFor(s); s.IdleTimeout = 15 * time.Second },
			check: func(_ *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.deregister(jitName)
				i.offAfter(i.runnerEnded(), all, all)
			},
		},
		{
			name: "a service", spec: func(s *bootstrap.Spec) { keptFor(s); s.Service = true }, plan: job("echo"),
			check: func(_ *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.deregister(jitName)
				i.offAfter(i.runnerEnded(), all, all)
			},
		},
		{
			name: "the tag ends it sooner", spec: readsTag,
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.waitConsole("the runner is online")
				i.deregister(jitName)
				i.keptUntil(time.Now().Add(10 * time.Second))
				i.offAfter(i.runnerEnded(), 0, 10*time.Second)
			},
		},
		{
			name: "a later tag holds it longer", spec: readsTag,
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.waitConsole("the runner is online")
				i.deregister(jitName)
				i.keptUntil(time.Now().Add(10 * time.Minute))
				i.runnerEnded()
				i.stays(all + 5*time.Second)
				i.keptUntil(time.Now())
				i.offAfter(time.Now(), 0, 15*time.Second)
			},
		},
		{
			name: "a tag that is no time is none", spec: readsTag,
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.waitConsole("the runner is online")
				i.deregister(jitName)
				must(t, os.WriteFile(filepath.Join(i.dir, "in", "kept-until"), []byte("$(reboot) tomorrow noon"),
					0o644))
				i.offAfter(i.runnerEnded(), all, all)
			},
		},
		{
			name: "ephemeral, kept after its job", jit: true, plan: job("echo"),
			spec: func(s *bootstrap.Spec) { keptFor(s); s.Ephemeral = true },
			check: func(_ *testing.T, i *instance) {
				i.wait("job a succeeded", soon)
				i.offAfter(i.runnerEnded(), all, all)
			},
		},
		{
			name: "a job that is still at work is not cut off", spec: keptFor,
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.waitConsole("the runner is online")
				i.deregister(jitName)
				i.runnerEnded()
				i.sh("cp $(command -v sleep) /tmp/Runner.Worker; setsid /tmp/Runner.Worker 40 >/dev/null 2>&1 " +
					"</dev/null &")
				i.stays(all + 5*time.Second)
				i.offAfter(time.Now(), 40*time.Second-all-10*time.Second, 40*time.Second-all)
			},
		},
	})
}

// TestKeptReboot: a kept machine that is rebooted stays for the rest of its time, and starts no runner.
func TestKeptReboot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		spec func(*bootstrap.Spec)
	}{
		{"by token", func(*bootstrap.Spec) {}},
		{"a service", func(s *bootstrap.Spec) { s.Service = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := byToken()
			s.KeepEnded = 90 * time.Second
			c.spec(&s)
			p := ordinary()
			p.Jobs = []plan.Job{{Name: "a", Script: "echo"}}
			i := boot(t, launch{image: parts.bookworm, userData: userData(t, s), plan: p})
			i.wait("job a succeeded", soon)
			i.deregister(jitName)
			i.runnerEnded()
			// The machine saves its age every 30 s.
			i.stays(65 * time.Second)
			i.sh("systemctl reboot || :")
			i.again()
			i.waitConsole("boot script started")
			booted := time.Now()
			i.stays(10 * time.Second)
			if e, ok := i.find("listener starts"); ok {
				t.Errorf("a runner starts although it has ended: %+v", e)
			}
			i.offAfter(booted, 20*time.Second, 55*time.Second)
		})
	}
}

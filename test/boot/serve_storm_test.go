//go:build boottest

package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// nextService is the new version in parallel to the old one; docs/scale-sets.md runs it on another machine.
const nextService = "ec2-github-runner-serve-next.service"

// stormSpeed is how much faster than in reality the simulated services are.
const stormSpeed = 10

// TestServeUnitStorm kills the scale-set server in the middle of jobs, and then upgrades it as docs/scale-sets.md says:
// a new one as the old one's standby, then the old one is stopped. EC2 and GitHub are simulated on its loopback. Every
// job is done, each by a machine of its own, and nothing is left.
func TestServeUnitStorm(t *testing.T) {
	t.Parallel()
	p := bootServe(t)
	config := simulator.Defaults()
	config.Speed, config.ScaleSets.SessionLapse = stormSpeed, 20*time.Second
	world := simulator.New(config)
	server := p.listen(world)
	t.Cleanup(func() {
		if t.Failed() {
			instances, runners := world.Leftovers()
			t.Logf("jobs: %+v\nleft: %v and %v\njournal of the new one:\n%s", world.Jobs(), instances, runners,
				p.logOf(nextService))
		}
	})
	p.serveFrom(server.EC2URL)
	const first, later = 12, 8
	p.sh("systemctl daemon-reload && systemctl start " + serveService)
	p.until("the set is listened to", func(string) bool { return listenedTo(world) })
	queueStorm(world, first)
	p.untilWithin(stormTime, "some jobs are done, and others run", func(string) bool {
		return jobsIn(world, "done") >= 2 && jobsIn(world, "running") >= 2
	})
	p.sh("systemctl kill --signal KILL " + serveService)
	p.untilWithin(stormTime, "started again, and listening", func(log string) bool {
		return strings.Count(log, `"msg":"listening"`) == 2
	})
	queueStorm(world, later)
	p.sh("systemctl start " + nextService)
	p.until("the standby, and jobs run", func(string) bool {
		return jobsIn(world, "running") >= 2 &&
			strings.Contains(p.logOf(nextService), "standby: another process holds the session")
	})
	p.sh("systemctl stop " + serveService)
	p.untilWithin(stormTime, "all jobs are done", func(string) bool { return jobsIn(world, "done") == first+later })
	p.untilWithin(stormTime, "nothing is left", func(string) bool {
		instances, runners := world.Leftovers()
		return len(instances)+len(runners) == 0
	})
	if got := strings.TrimSpace(p.sh("systemctl is-active " + nextService)); got != "active" {
		t.Errorf("the new one is %s", got)
	}
	machines := 0
	for _, instance := range world.Snapshot().Instances {
		if !instance.Initial {
			machines++
		}
	}
	if machines < first+later || machines > first+later+stormMax {
		t.Errorf("%d machines for %d jobs", machines, first+later)
	}
	t.Logf("%d jobs are done by %d machines", first+later, machines)
	if surprises := world.Surprises(); len(surprises) > 0 {
		t.Errorf("calls that the simulator does not model: %s", strings.Join(surprises, "; "))
	}
}

// stormTime limits each wait of the storm. A registration for which the killed process has not launched a machine
// blocks until absentTime and the next look are over, which are as long as in production.
const stormTime = 3 * time.Minute

// stormMax is the set's max. It has room for all jobs: a full set learns only by the look every 30 s, as long as in
// production, that an earlier process's machines have ended.
const stormMax = 20

// queueStorm queues jobs that take 2 to 6 s of real time, so that some are running while others end.
func queueStorm(world *simulator.World, count int) {
	for i := range count {
		world.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: time.Duration(1+i%3) * 20 * time.Second})
	}
}

func jobsIn(world *simulator.World, state string) int {
	count := 0
	for _, job := range world.Jobs() {
		if job.State == state {
			count++
		}
	}
	return count
}

func listenedTo(world *simulator.World) bool {
	sets := world.ScaleSets()
	return len(sets) == 1 && sets[0].Owner != ""
}

// listen serves a world on the loopback of the booted machine, which has no other network. A socket stays in the
// network namespace of the thread that created it.
func (p *servePlace) listen(world *simulator.World) *simulator.Server {
	p.t.Helper()
	pid := p.engine("inspect", "--format", "{{.State.Pid}}", p.name)
	network, err := os.Open("/proc/" + pid + "/ns/net")
	must(p.t, err)
	defer network.Close()
	type listening struct {
		server *simulator.Server
		err    error
	}
	made := make(chan listening)
	go func() {
		// Never unlocked: the thread ends with this goroutine, and no other one gets that namespace.
		runtime.LockOSThread()
		var l listening
		if l.err = unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); l.err == nil {
			l.server, l.err = simulator.Listen(world)
		}
		made <- l
	}()
	l := <-made
	must(p.t, l.err)
	p.t.Cleanup(func() { _ = l.server.Close() })
	return l.server
}

// serveFrom writes a set file for simulated services at an address, for the unit and a second one.
func (p *servePlace) serveFrom(address string) {
	p.t.Helper()
	dir := p.t.TempDir()
	for _, unit := range []string{serveService, nextService} {
		name := strings.TrimSuffix(unit, ".service")
		for file, text := range map[string]string{
			name + ".yml": fmt.Sprintf(`github:
  url: %s/demo-org/demo
  token-file: /run/credentials/%s/token
region: us-east-1
listen: off
scale-sets:
  - name: ec2-amd64
    max: %d
    machine:
      ec2-image-id: ami-0aaaaaaaaaaaaaaa1
      ec2-instance-type: t3.xlarge
      subnet-id: subnet-0aaaaaaaaaaaaaaa1
      security-group-id: sg-0aaaaaaaaaaaaaaa1
`, address, unit, stormMax),
			unit + ".conf": fmt.Sprintf("[Service]\nExecStart=\n"+
				"ExecStart=/usr/local/bin/ec2-github-runner-serve /etc/ec2-github-runner/%s.yml\n"+
				"LoadCredential=token:/etc/ec2-github-runner/token\nEnvironment=AWS_ACCESS_KEY_ID=AKIADEMO "+
				"AWS_SECRET_ACCESS_KEY=demo-secret-key AWS_ENDPOINT_URL=%s NO_PROXY=127.0.0.1\n", name, address),
			"token": "ghp_demo\n",
		} {
			must(p.t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
			p.engine("cp", filepath.Join(dir, file), p.name+":/etc/ec2-github-runner/")
		}
		p.sh("cd /etc/systemd/system && mkdir -p " + unit + ".d && mv /etc/ec2-github-runner/" + unit + ".conf " +
			unit + ".d/storm.conf && chmod 600 /etc/ec2-github-runner/token")
	}
	p.sh("cd /etc/systemd/system && cp " + serveService + " " + nextService + " && cp " + serveService +
		".d/elsewhere.conf " + nextService + ".d/")
}

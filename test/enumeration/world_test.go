package enumeration

import (
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// The run that the enumeration is about, and other runs.
const (
	repository = "demo-org/demo"
	thisRun    = "4711"
	otherRun   = "4712" // is not over
	pastRun    = "4600" // is over
	home       = "us-east-1"
	subnetA    = "subnet-0aaaaaaaaaaaaaaa1"
	subnetB    = "subnet-0aaaaaaaaaaaaaaa2"
	image      = "ami-0aaaaaaaaaaaaaaa1"
	group      = "sg-0aaaaaaaaaaaaaaa1"
	keptTag    = "Role"
	keptLabel  = "kept-gpu"
)

// newWorld returns a world with foreign things, none of which may be changed: simulator.World.Changed reports that.
func newWorld(f flow) *simulator.World {
	config := simulator.Defaults()
	config.Timing.Boot, config.Timing.Download, config.Timing.Config = 5*time.Second, time.Second, time.Second
	config.Timing.Running = 3 * time.Second
	config.ForeignInstances, config.ForeignRunners = 3, 3
	config.Runs = []simulator.Run{{ID: 4711}, {ID: 4712}, {ID: 4600, Status: "completed", Conclusion: "success"}}
	config.Guests, config.Timing.Deregister = f.guests, f.deregister
	config.Policy = f.policy
	config.Tokens = []simulator.Token{{Value: "ghp_demo", Login: "demo-user", Admin: []string{"demo-org/demo"},
		Actions: true, Rerun: true}}
	config.Roles = []simulator.Role{{Name: "github-runners"}}
	config.Timing.TagsVisible, config.Timing.TagsListed = 2*time.Second, 30*time.Second
	if f.asApp {
		config.Apps = []simulator.App{{
			ID: 12345, ClientID: "Iv23demo", Slug: "runner-app",
			Permissions: map[string]string{"administration": "write",
				"actions": "read"},
			Installations: []simulator.Installation{{ID: 77, Account: "demo-org"}},
		}}
	}
	keepVolumes(&config)
	addOthers(&config)
	addVolumes(&config)
	return simulator.New(config)
}

// addOthers adds machines that resemble ours. Their names say why they must stay.
func addOthers(c *simulator.Config) {
	machine := func(n int, name, run string, busy, online bool, values map[string]string) {
		id := int64(9000 + n)
		all := map[string]string{
			key.Scope: repository, key.Repository: repository, key.RunID: run, key.Label: name,
			key.Nonce:      "zzzzzzzz",
			key.RunnerName: "ec2-" + name, key.RunnerID: fmt.Sprint(id), key.Mode: "start",
		}
		for k, v := range values {
			all[k] = v
		}
		c.Instances = append(c.Instances, simulator.InstanceSeed{ID: instanceID(n), Tags: all})
		if all[key.RunnerName] != "" {
			c.Runners = append(c.Runners, simulator.RunnerSeed{ID: id, Name: all[key.RunnerName],
				Labels: []string{name},
				Busy:   busy, Offline: !online})
		}
	}
	machine(1, "sibling", thisRun, true, true, nil)
	machine(2, "goes-on", otherRun, false, true, nil)
	machine(3, "goes-on-offline", otherRun, false, false, nil)
	machine(4, "at-work", pastRun, true, true, nil)
	machine(5, "at-work-expired", pastRun, true, true, map[string]string{key.ExpiresAt: "1999-01-01T00:00:00Z"})
	machine(6, "other-repository", pastRun, false, true, map[string]string{key.Repository: "demo-org/other"})
	machine(7, "other-scope", pastRun, false, true, map[string]string{key.Scope: "demo-org"})
	machine(8, "kept", pastRun, false, true, map[string]string{key.Mode: "existing"})
	machine(9, "pool", pastRun, false, false, map[string]string{key.Mode: "pool", key.RunnerName: "",
		key.ExpiresAt: "2000-06-01T00:00:00Z"})
	c.Instances = append(c.Instances,
		simulator.InstanceSeed{ID: instanceID(10), Token: "egr-00000000-4600-abcdef-zzzzzzzz-0-0-0"},
		simulator.InstanceSeed{ID: instanceID(11), Token: "somebody-elses-token",
			Tags: map[string]string{"Name": "ec2-github-runner"}},
	)
	c.Runners = append(c.Runners, simulator.RunnerSeed{Name: "ec2-nobody-knows", Offline: true})
	// An existing machine of the user's, which is stopped.
	c.Instances = append(c.Instances, simulator.InstanceSeed{ID: instanceID(12), State: "stopped", Runner: "gpu-box",
		Tags: map[string]string{keptTag: keptLabel}})
	c.Runners = append(c.Runners, simulator.RunnerSeed{ID: 9012, Name: "gpu-box", Labels: []string{keptLabel},
		Offline: true})
}

func instanceID(n int) string { return "i-" + fmt.Sprintf("%017x", 0xabc000+n) }

// left describes everything that did not exist at the beginning. It counts offline registrations that a sweep has only
// listed separately, because no instance's tags have ever named them: GitHub removes those itself.
func left(w *simulator.World, listed map[int64]bool) (orphans []string, toGitHub int) {
	instances, runners := w.Leftovers()
	for _, i := range instances {
		if isWhole(i, runners) {
			continue
		}
		orphans = append(orphans, fmt.Sprintf("instance %s %s token=%s", i.ID, i.State, i.ClientToken))
	}
	for _, i := range w.Snapshot().Instances {
		if i.ID == instanceID(12) && i.State != "stopped" && i.State != "stopping" {
			orphans = append(orphans, fmt.Sprintf("instance %s, which was stopped, is %s", i.ID, i.State))
		}
	}
	for _, r := range runners {
		if listed[r.ID] && r.Status == "offline" {
			toGitHub++
			continue
		}
		orphans = append(orphans, fmt.Sprintf("runner %s (%d) %s", r.Name, r.ID, r.Status))
	}
	return orphans, toGitHub
}

// wronged describes what was done to foreign things, and which calls the simulator does not model.
func wronged(w *simulator.World) string {
	var list []string
	list = append(list, w.Changed()...)
	for _, job := range w.Jobs() {
		if job.State == "lost" {
			list = append(list, "job on "+job.Runner+" is lost")
		}
	}
	return strings.Join(append(list, w.Surprises()...), "; ")
}

package enumeration

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Every flow launches from an image whose mapping keeps its volumes when their machine ends. If the image can be read,
// the launch overrides that; if a fault prevents reading it, only a sweep can delete the volumes.

// resolved names the same image in a form that only EC2 can resolve.
const resolved = "resolve:ssm:/images/kept"

// keepVolumes makes the mapping of all flows' image keep its volumes.
func keepVolumes(c *simulator.Config) {
	c.Parameters = map[string]string{"/images/kept": image}
	for n := range c.Images {
		if c.Images[n].ID == image {
			c.Images[n].KeepsRoot = true
			c.Images[n].Volumes = []simulator.ImageVolume{{Device: "/dev/sdb", Size: 20, Kept: true}}
		}
	}
}

// addVolumes adds foreign detached volumes that resemble ours. A comment beside each says what protects it.
func addVolumes(c *simulator.Config) {
	volume := func(values map[string]string) {
		all := map[string]string{
			key.Scope: repository, key.Repository: repository, key.RunID: pastRun, key.Mode: "start",
			key.Nonce: "yyyyyyyy", key.KeepVolumes: "false", key.SuspectSince: "1999-01-01T00:00:00Z",
		}
		for k, v := range values {
			if all[k] = v; v == "" {
				delete(all, k)
			}
		}
		c.Volumes = append(c.Volumes, simulator.VolumeSeed{ID: fmt.Sprintf("vol-%017x", 0xabc000+len(c.Volumes)),
			Tags: all})
	}
	volume(map[string]string{key.KeepVolumes: "true"})
	volume(map[string]string{key.KeepVolumes: "unknown"})
	volume(map[string]string{key.KeepVolumes: ""})
	volume(map[string]string{key.Nonce: ""})
	volume(map[string]string{key.Mode: "existing"})
	volume(map[string]string{key.Repository: "demo-org/other"})
	volume(map[string]string{key.Scope: "demo-org"})
	volume(map[string]string{key.Repository: "", key.Scope: ""})
	// Of a machine that exists: without the mark of a first look, which a sweep would remove.
	volume(map[string]string{key.Nonce: "zzzzzzzz", key.SuspectSince: ""})
}

// leftVolumes describes the volumes that have outlived their machines.
func leftVolumes(w *simulator.World) []string {
	var left []string
	for _, v := range w.LeftVolumes() {
		left = append(left, fmt.Sprintf("volume %s, which was %s of %s", v.ID, v.Device, v.Instance))
	}
	return left
}

// sweepVolumes continues the schedule until the volumes are gone that could not be deleted with their machines: one
// sweep finds the machine ended, the next one marks, and another one deletes.
func (tr trial) sweepVolumes(ctx context.Context, f *finding, w *simulator.World) {
	for range 4 {
		if len(w.LeftVolumes()) == 0 {
			return
		}
		f.swept = true
		<-time.After(15 * time.Minute)
		p := newProcess(ctx, w, blow{})
		if o := sweepOnce(p); o.err != nil {
			f.complain("sweep without faults: %v", o.err)
		}
		p.cancel(nil)
	}
	f.left = append(f.left, leftVolumes(w)...)
}

// sweepingVolumes sets up volumes of two starts whose machines have ended: those of the first have had their first
// look.
func sweepingVolumes() flow {
	return flow{
		name: "sweep volumes", rest: []layer{bySweep}, isSweep: true,
		begin: func(ctx context.Context, w *simulator.World) *scene {
			for _, label := range []string{"first", "second"} {
				p := newProcess(ctx, w, blow{})
				if _, err := p.starter().Start(p.ctx, request(func(r *runner.StartRequest) {
					r.Groups[0].Label = label
					r.Groups[0].Placements = []machine.Placement{machine.NewPlacement("us-east-1", resolved, subnetA,
						group)}
				})); err != nil {
					panic(fmt.Sprintf("start without faults: %v\n%s", err, p.log))
				}
				h := p.journal.handoffs[0]
				must(p.cloud().Terminate(ctx, h.Region, h.InstanceID))
				<-time.After(time.Minute)
				for _, r := range w.Snapshot().Runners {
					if r.Name == h.RunnerName {
						must(p.registry().Remove(ctx, r.ID))
					}
				}
				<-time.After(12 * time.Minute)
				if label == "first" {
					sweepOnce(p)
				}
				p.cancel(nil)
			}
			if n := len(w.LeftVolumes()); n != 4 {
				panic(fmt.Sprintf("%d volumes are left, want 4", n))
			}
			return &scene{}
		},
		run: func(p *process, _ *scene) outcome { return sweepOnce(p) },
	}
}

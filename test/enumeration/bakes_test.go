package enumeration

import (
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

func bakeRequest(id tags.Identity, regions ...string) ami.Request {
	return ami.Request{
		Identity: ami.Identity{
			Nonce: id.Nonce, Ours: id.ImageTags(), Mine: id.NonceTags(), Builder: id.BuilderTags,
			Token:   id.BuilderToken,
			KeepTag: key.KeepVolumes, CopyToken: id.CopyToken,
		},
		Region: "us-east-1", BaseImages: []string{image}, Keep: 3, Timeout: 10 * time.Minute,
		Copies: ami.Copies{Regions: regions, Timeout: 10 * time.Minute},
		Builders: []machine.Machine{{
			Architecture: "amd64", InstanceTypes: []string{"t3.xlarge"},
			Placements: []machine.Placement{machine.NewPlacement("", "", subnetA, group)},
		}},
		Software: []bootstrap.Software{{Architecture: "x64", URL: "https://example.com/r.tar.gz", Version: "2.335.0"}},
	}
}

func (p *process) baker() *ami.Baker {
	return &ami.Baker{Cloud: p.cloud(), Fresh: func() *ec2.Client { return p.cloud() }, Journal: p.journal,
		Log: p.logger()}
}

// baking makes an image from one whose mapping keeps its volumes. It takes minutes, during which all looks are alike.
func baking() flow { return bakingTo("bake") }

// bakingTo also copies the image into other regions.
func bakingTo(name string, regions ...string) flow {
	f := starting(name, byToken)
	f.isStart, f.isBake, f.rest = false, true, []layer{byPost, bySweep}
	f.run = func(p *process, _ *scene) outcome {
		id := tags.NewIdentity(tags.Run{Repository: repository, ID: thisRun, Attempt: "1"}, repository, "bake")
		must(p.journal.Begun(id))
		result, err := p.baker().Bake(p.ctx, bakeRequest(id, regions...))
		o := outcome{err: err}
		for _, made := range result.Images {
			o.left = append(o.left, made.Left...)
			if made.Failure != nil {
				o.hint = made.Failure.Hint
			}
		}
		// As in action.bakeDone.
		_ = p.journal.write(func() { p.journal.done = len(o.left) == 0 })
		return o
	}
	return f
}

// postBake is what the post step of a bake does in addition to that of a start.
func (p *process) postBake(j *journal) (left []string) {
	j.mu.Lock()
	request := ami.PostRequest{Mine: tags.Identity{Run: tags.Run{ID: thisRun}, Nonce: j.identity.Nonce}.NonceTags(),
		Begun: j.begun}
	j.mu.Unlock()
	_, left = p.baker().Post(p.ctx, request)
	return left
}

// Imaging implements ami.Journal.
func (j *journal) Imaging(b ami.Begun) error {
	return j.write(func() { j.begun = append(j.begun, b) })
}

// Baked implements ami.Journal.
func (j *journal) Baked(b ami.Baked) error {
	return j.write(func() {
		j.begun = slices.DeleteFunc(j.begun, func(begun ami.Begun) bool { return begun.Region == b.Region })
		j.baked = append(j.baked, b.ImageID)
	})
}

// leftImages describes the images and snapshots that exist but were not handed over.
func leftImages(w *simulator.World, baked []string) []string {
	handed := map[string]bool{}
	for _, id := range baked {
		handed[id] = true
	}
	var left []string
	for _, made := range w.Images() {
		if !handed[made.ID] && !handed[made.Name] { // a snapshot's name is its image's id
			left = append(left, fmt.Sprintf("image or snapshot %s %s", made.ID, made.State))
		}
	}
	return left
}

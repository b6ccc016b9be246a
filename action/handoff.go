package action

import (
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// handoff is an element of the output `runners`, and of the input of that name of a stop.
//
// GitHub drops a job output that contains any masked text, and people keep region and instance type as secrets. So what
// a later job needs to run on a machine and to stop it holds no region, zone, type or market: stop finds the region
// itself, and the job summary shows the rest.
// (actions/runner, JobExtension.cs: "Skip output … since it may contain secret")
type handoff struct {
	Label      string `json:"label"`
	InstanceID string `json:"ec2-instance-id"`
	RunnerName string `json:"runner-name"`
	RunnerID   int64  `json:"runner-id,omitempty"`
	Mode       string `json:"mode,omitempty"`   // "existing": a stop only stops it
	Region     string `json:"region,omitempty"` // read, where an older release has written it; never written
}

func newHandoff(h tags.Handoff) handoff {
	return handoff{Label: h.Label, InstanceID: h.InstanceID, RunnerName: h.RunnerName, RunnerID: h.RunnerID,
		Mode: h.Mode}
}

func (h handoff) of(name string) tags.Handoff {
	return tags.Handoff{
		Name: name, Label: h.Label, InstanceID: h.InstanceID, RunnerName: h.RunnerName, RunnerID: h.RunnerID,
		Mode:   h.Mode,
		Region: h.Region,
	}
}

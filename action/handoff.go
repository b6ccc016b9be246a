package action

import (
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// handoff is an element of the output `runners`, and of the input `runners` of mode stop.
//
// GitHub drops a job output that contains masked text (actions/runner, JobExtension.cs: "Skip output … since it may
// contain secret"), and region and instance type are often stored as secrets. What a later job needs to use or stop a
// machine therefore contains no region, zone, type or market: stop finds the region itself, and the job summary shows
// the rest.
type handoff struct {
	Label      string `json:"label"`
	InstanceID string `json:"ec2-instance-id"`
	RunnerName string `json:"runner-name"`
	RunnerID   int64  `json:"runner-id,omitempty"`
	Mode       string `json:"mode,omitempty"`   // "existing": stop does not terminate it
	Region     string `json:"region,omitempty"` // written by older releases only
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

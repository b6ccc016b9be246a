// Package runner starts runners: it registers, launches, waits, and rolls back on failure.
//
// A runner is one EC2 instance together with one registration at GitHub. Two rules come first: nothing that was started
// may outlive its purpose, and nothing that belongs to somebody else or is running a job may ever be ended. The package
// keeps no state: what must be found again is in the instance's tags, in its client token (see package tags) and, for
// the post step, in the Journal.
package runner

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Journal records what must not be lost if the start is killed. The action writes it to GITHUB_OUTPUT and GITHUB_STATE,
// where a later step and the post step find it.
type Journal interface {
	// Begun is called before anything is created.
	Begun(tags.Identity) error
	// Registering is called with all registrations before one is made, and again when its id is known.
	Registering([]post.Registration) error
	// Asking is called with the client token and region before each RunInstances call. Slots launch concurrently.
	Asking(token, region string) error
	// Taking is called before an existing machine is tagged.
	Taking(instanceID, region string) error
	// Claiming is called with all claims before a pool entry is claimed and at each further step.
	Claiming([]post.Claim) error
	// Launched is called as soon as an instance exists.
	Launched(tags.Handoff) error
	// Secret is called with each secret before it is used.
	Secret(value string)
}

// Timeline says when a runner reached each phase, since the start began; zero if it did not.
type Timeline struct {
	Registered, Launched, Running, Online time.Duration
}

// Started is one runner of a start, as far as it got.
type Started struct {
	tags.Handoff
	Image     string
	ImageName string
	Subnet    string
	Timeline  Timeline
	Boot      []diagnosis.BootPhase // with Debug, as far as the console shows them
	Warm      bool                  // claimed from a pool
	Failed    bool                  // given up
	Removed   bool                  // the instance is terminated and the registration removed
}

// StartResult is what a start made, complete or partial.
type StartResult struct {
	Label    string
	Runners  []Started
	Trail    []Attempt
	Took     time.Duration
	Failure  *Failure
	Warnings []string
}

// Attempt is one offering that was requested from EC2, and the answer.
type Attempt struct {
	InstanceType, Market              string
	Region, SubnetID, ImageID, Answer string
	Asked                             int      // for how many instances
	InstanceIDs                       []string // empty if EC2 refused; Answer says why
	Took                              time.Duration
	Round                             int // of a start that waits for capacity, from 0
}

// Failure says why a start failed, for the log and the summary.
type Failure struct {
	Phase     string // "register", "launch", "wait"
	Message   string
	Hint      string
	LastPhase string   // of the boot script: "downloading runner 2.335.0 (4.1 s)"
	State     string   // the instance's state and reason
	Said      []string // the boot script's errors
	Console   []string // the last lines of the machine's console
	Kept      []string // machines that stay for inspection, with how to inspect each
	Left      []string // what could not be removed, with how to remove each
}

// IsClean reports whether nothing that the start made is left.
func (f *Failure) IsClean() bool { return f == nil || len(f.Left)+len(f.Kept) == 0 }

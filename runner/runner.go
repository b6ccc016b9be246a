// Package runner is the life of a runner: started, handed over, stopped, and found again when a start was killed.
//
// A runner is one EC2 instance joined with one registration at GitHub. Two rules beat every convenience: nothing that
// was started may outlive what it was started for, and nothing that is somebody else's, or still at work, may ever be
// ended. No state is kept here: what must be found again stands in the instance's tags, in its client token (see
// package tags) and, for the post step, in the Journal.
package runner

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Journal is told what must be known before it can be lost. The action writes it to GITHUB_OUTPUT and GITHUB_STATE,
// so that a later step and the post step find what a killed start left behind.
type Journal interface {
	// Begun is called before anything is created.
	Begun(tags.Identity) error
	// Registering is called before a registration is made, and again when its id is known, with all that there are.
	Registering([]post.Registration) error
	// Asking is called before each RunInstances call with its client token and region. Slots launch side by side.
	Asking(token, region string) error
	// Taking is called before an existing machine is tagged.
	Taking(instanceID, region string) error
	// Claiming is called before a pool entry is claimed, and at each step of it, with all claims that there are.
	Claiming([]post.Claim) error
	// Launched is called the moment an instance exists.
	Launched(tags.Handoff) error
	// Secret is called with each secret before it is used.
	Secret(value string)
}

// Timeline holds when a runner reached each phase, counted from the beginning of the start; zero where it did not.
type Timeline struct {
	Registered, Launched, Running, Online time.Duration
}

// Started is one runner of a start, as far as it came.
type Started struct {
	tags.Handoff
	Image     string
	ImageName string
	Subnet    string
	Timeline  Timeline
	Boot      []diagnosis.BootPhase // of a start with Debug, as far as the console told
	Warm      bool                  // it was taken from a pool
	Failed    bool                  // given up
	Removed   bool                  // the instance is ended and the registration removed
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

// Attempt is one offering that EC2 was asked for, and its answer.
type Attempt struct {
	InstanceType, Market              string
	Region, SubnetID, ImageID, Answer string
	Asked                             int      // for how many instances
	InstanceIDs                       []string // empty where EC2 refused, and Answer says why
	Took                              time.Duration
	Round                             int // from 0: of a start that waits for capacity
}

// Failure is why a start failed, for the log and the summary.
type Failure struct {
	Phase     string // "register", "launch", "wait"
	Message   string
	Hint      string
	LastPhase string   // the last phase that the boot script told: "downloading runner 2.335.0 (4.1 s)"
	State     string   // what EC2 says of the instance
	Said      []string // what the boot script says is wrong
	Console   []string // the last lines of the machine's console
	Kept      []string // machines that stay for inspection, each with how to look at it
	Left      []string // what could not be removed, each with how to remove it
}

// IsClean reports whether nothing that the start made is there any more.
func (f *Failure) IsClean() bool { return f == nil || len(f.Left)+len(f.Kept) == 0 }

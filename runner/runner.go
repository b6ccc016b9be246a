// Package runner is the life of a runner: started, handed over, stopped, and found again when a start was killed.
//
// A runner is one EC2 instance joined with one registration at GitHub. Two rules beat every convenience: nothing that
// was started may outlive what it was started for, and nothing that is somebody else's, or still at work, may ever be
// ended. No state is kept here: what must be found again stands in the instance's tags, in its client token (see
// package tags) and, for the post step, in the Journal.
package runner

import (
	"context"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Launcher is what a start needs of EC2 to get an instance.
type Launcher interface {
	// LaunchMany asks for the offerings in order. It may return instances beside an error, and although ctx has ended.
	LaunchMany(ctx context.Context, spec ec2.LaunchSpec, count int, offerings []ec2.Offering,
		observe ec2.Observer) ([]ec2.Instance, []ec2.Attempt, error)
	// Start starts a stopped instance and tells the state before; ec2.PreviousUnclear where an answer was lost.
	Start(ctx context.Context, region, id string) (previous string, err error)
	// Tag sets tags later. Its permission is optional.
	Tag(ctx context.Context, region, id string, tags map[string]string) error
	TagAll(ctx context.Context, region string, ids []string, tags map[string]string) error
}

// Surveyor is what a start reads of the account before it launches. Each permission is optional: every error means that
// nothing is known.
type Surveyor interface {
	Image(ctx context.Context, region, id string) (ec2.Image, error)
	NewestImage(ctx context.Context, region string, tags map[string]string) (ec2.Image, bool, error)
	Architectures(ctx context.Context, region string, instanceTypes []string) (map[string][]string, error)
	ZonesOffering(ctx context.Context, region string, instanceTypes []string) (map[string][]string, error)
	SubnetZones(ctx context.Context, region string, ids []string) (map[string]string, error)
}

// Waker is what a start needs of EC2 to take a warm machine. Each permission is optional: without it the start is a
// cold one.
type Waker interface {
	// SetUserData changes the user data of a stopped instance, and is refused in any other state.
	SetUserData(ctx context.Context, region, id string, data []byte) error
	// EndWithPowerOff makes the instance's own power-off its end.
	EndWithPowerOff(ctx context.Context, region, id string) error
}

// Observer is what a start needs of EC2 to see how its instances are.
type Observer interface {
	// Instances lists what a selector finds; a new instance shows late.
	Instances(ctx context.Context, region string, selector ec2.Selector) ([]ec2.Instance, error)
	// Console reads the serial console. Its permission is optional.
	Console(ctx context.Context, region, id string) (string, error)
}

// Ender is what is needed to end instances.
type Ender interface {
	Instances(ctx context.Context, region string, selector ec2.Selector) ([]ec2.Instance, error)
	// Instance looks one instance up; class NotFound only if EC2 said so by code.
	Instance(ctx context.Context, region, id string) (ec2.Instance, error)
	// Glance is Instances with less patience, for many regions at once.
	Glance(ctx context.Context, region string, selector ec2.Selector) ([]ec2.Instance, error)
	Terminate(ctx context.Context, region string, ids ...string) error
	// Stop stops instances; class WrongState where one is pending or terminated, Impossible where it cannot be stopped at
	// all.
	Stop(ctx context.Context, region string, ids ...string) error
	Tag(ctx context.Context, region, id string, tags map[string]string) error
	// Regions lists the account's regions; with an error it returns a built-in list beside it.
	Regions(ctx context.Context) ([]string, error)
	// Region is the home region.
	Region() string
}

// Cloud is EC2 as this package needs it; *ec2.Client is one.
type Cloud interface {
	Launcher
	Waker
	Surveyor
	Observer
	Ender
}

// Enroller is what a start needs of GitHub to register a runner.
type Enroller interface {
	RegistrationToken(context.Context) (github.Token, error)
	// JITConfig registers a single-use runner; github.ErrNameTaken when somebody else has the name.
	JITConfig(context.Context, github.JITRequest) (github.JITConfig, error)
	// JITConfigOnce asks once, for a name that others may ask for too; class Unknown leaves open what there is now.
	JITConfigOnce(context.Context, github.JITRequest) (github.JITConfig, error)
	// Downloads lists the newest runner software, Release one version of it, which only github.com has.
	Downloads(context.Context) ([]github.Download, error)
	Release(ctx context.Context, version string) ([]github.Download, error)
	// Groups lists the runner groups of an organization or enterprise.
	Groups(context.Context) ([]github.Group, error)
}

// Roster is the list of registered runners.
type Roster interface {
	// Runner and RunnerByName look once; FindByName is patient with bad weather.
	Runner(ctx context.Context, id int64) (github.Runner, error)
	RunnerByName(ctx context.Context, name string) (github.Runner, bool, error)
	FindByName(ctx context.Context, name string) (github.Runner, bool, error)
	// FindByNames is FindByName for many names, in as few calls as can be.
	FindByNames(ctx context.Context, names []string) (map[string]github.Runner, error)
	// RunnersPage reads one page of the whole list, counted from 1, and tells how many there are. It looks once.
	RunnersPage(ctx context.Context, page int) ([]github.Runner, int, error)
	// AllRunners is the scope's whole list, or an error.
	AllRunners(context.Context) ([]github.Runner, error)
	// RunOver tells whether a run is completed; whatever else it says is an error. It needs actions: read.
	RunOver(ctx context.Context, repository, id string) (bool, error)
	// RemoveLabel takes a label from a runner, if it is there.
	RemoveLabel(ctx context.Context, id int64, label string) error
	// Remove succeeds for a runner that is gone; github.ErrBusy says that it runs a job.
	Remove(ctx context.Context, id int64) error
}

// Registry is GitHub as this package needs it; *github.Client is one.
type Registry interface {
	Enroller
	Roster
	Rate() github.Rate
}

// Journal is told what must be known before it can be lost. The action writes it to GITHUB_OUTPUT and GITHUB_STATE,
// so that a later step and the post step find what a killed start left behind.
type Journal interface {
	// Begun is called before anything is created.
	Begun(tags.Identity) error
	// Registering is called before a registration is made, and again when its id is known, with all that there are.
	Registering([]Registration) error
	// Asking is called before each RunInstances call with its client token and region. Slots launch side by side.
	Asking(token, region string) error
	// Taking is called before an existing machine is tagged.
	Taking(instanceID, region string) error
	// Claiming is called before a pool entry is claimed, and at each step of it, with all claims that there are.
	Claiming([]Claim) error
	// Launched is called the moment an instance exists.
	Launched(Handoff) error
	// Secret is called with each secret before it is used.
	Secret(value string)
}

// Registration is a registration that a start makes.
type Registration struct {
	Name  string `json:"name"`
	Other string `json:"other,omitempty"` // the name that the machine takes where another start's runner has the first
	ID    int64  `json:"id,omitempty"`    // 0 while GitHub has not told it
}

// Handoff is what a start gives to a stop.
type Handoff struct {
	Name             string // key in the output `runners`
	Index            int    // of the slot, from 0
	Label            string
	InstanceID       string
	Region           string // of a stop: empty where it is to be found
	RunnerName       string
	RunnerID         int64
	InstanceType     string
	Market           string
	AvailabilityZone string
	Mode             string // "existing": a stop only stops it
}

// Timeline holds when a runner reached each phase, counted from the beginning of the start; zero where it did not.
type Timeline struct {
	Registered, Launched, Running, Online time.Duration
}

// Started is one runner of a start, as far as it came.
type Started struct {
	Handoff
	Image     string
	ImageName string
	Subnet    string
	Timeline  Timeline
	Boot      []BootPhase // of a start with Debug, as far as the console told
	Warm      bool        // it was taken from a pool
	Failed    bool        // given up
	Removed   bool        // the instance is ended and the registration removed
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
}

// Failure is why a start failed, for the log and the summary.
type Failure struct {
	Phase   string // "register", "launch", "wait"
	Message string
	Hint    string
	Reached string   // the last phase that the boot script told: "downloading runner 2.335.0 (4.1 s)"
	State   string   // what EC2 says of the instance
	Said    []string // what the boot script says is wrong
	Console []string // the last lines of the machine's console
	Kept    []string // machines that stay for inspection, each with how to look at it
	Left    []string // what could not be removed, each with how to remove it
}

// IsClean reports whether nothing that the start made is there any more.
func (f *Failure) IsClean() bool { return f == nil || len(f.Left)+len(f.Kept) == 0 }

// FailedError is a failure of the work with a hint what to do.
type FailedError struct {
	Message string
	Hint    string
	Err     error
}

func (e *FailedError) Error() string { return e.Message }

func (e *FailedError) Unwrap() error { return e.Err }

// RefusedError is a request that can be told to be wrong only by a look at the cloud.
type RefusedError struct {
	Message string
	Hint    string
}

func (e *RefusedError) Error() string { return e.Message }

// Package doctor examines, before a start, whatever could make it fail: credentials, permissions, network, image, type,
// token. It creates nothing (but a registration token that nobody uses) and changes nothing.
//
// A Check looks at one thing and says what it found. All checks run side by side, none stops another, and each is cut
// after ten seconds. What may not be read, is throttled or does not answer is Unchecked, never OK: silence is not
// health. docs/adr/0006-check.md has the reasons.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// Cloud is EC2 as far as a doctor needs it; *ec2.Client is one. Every error is taken by its class: Denied, Throttle and
// Unknown mean that nothing is known.
type Cloud interface {
	Asker
	Network
	Stock
	Region() string
}

// Asker is asked what the credentials may do; nil means that they may.
type Asker interface {
	Caller(ctx context.Context, region string) (ec2.Caller, error)
	// Session is that of an assumed role, false without one.
	Session() (ec2.Session, bool)
	MayLaunch(ctx context.Context, spec ec2.LaunchSpec, index int, offering ec2.Offering, part ec2.Part) error
	May(ctx context.Context, region string, call ec2.Call, id, tag string) error
	Instances(ctx context.Context, region string, selector ec2.Selector) ([]ec2.Instance, error)
	Regions(ctx context.Context) ([]string, error)
}

// Network is where machines go.
type Network interface {
	Subnet(ctx context.Context, region, id string) (ec2.Subnet, error)
	SecurityGroup(ctx context.Context, region, id string) (ec2.SecurityGroup, error)
	Routes(ctx context.Context, region string, subnet ec2.Subnet) ([]ec2.Route, error)
}

// Stock is what machines are made of.
type Stock interface {
	Image(ctx context.Context, region, id string) (ec2.Image, error)
	NewestImage(ctx context.Context, region string, tags map[string]string) (ec2.Image, bool, error)
	InstanceType(ctx context.Context, region, name string) (ec2.InstanceType, bool, error)
	OfferedIn(ctx context.Context, region, instanceType string) ([]string, error)
	FreeTierTypes(ctx context.Context, region string) ([]string, error)
	VCPUQuota(ctx context.Context, region, instanceType, market string) (quota ec2.Quota, known bool, err error)
	HasSpotRole(ctx context.Context, region string) (bool, error)
}

// Registry is GitHub as far as a doctor needs it; *github.Client is one.
type Registry interface {
	// SignedIn is who signs in, known in full once a call was made.
	SignedIn() github.Identity
	RateLimit(context.Context) (github.Rate, error)
	MayRegister(context.Context) error
	AllRunners(context.Context) ([]github.Runner, error)
	Groups(context.Context) ([]github.Group, error)
	Downloads(context.Context) ([]github.Download, error)
	Release(ctx context.Context, version string) ([]github.Download, error)
	Deprecation(ctx context.Context, version string) (registration, runtime time.Time, err error)
}

// Launch is one group of like machines as the start would ask for them.
type Launch struct {
	Name      string // of the group, where it has one
	Count     int
	Spec      ec2.LaunchSpec
	Offerings []ec2.Offering
	// ImageTags find the image where a placement names none; nil where the offering's image stands for itself.
	ImageTags map[string]string
	// TypesOfArchitecture are types of which the start asks for those first on which the image boots.
	TypesOfArchitecture bool
}

// Request is the start that is to be examined.
type Request struct {
	Launches []Launch
	// Existing are machines to be started instead of new ones.
	Existing *Existing
	// OursTags find instances of ours, one of which can be asked about.
	OursTags map[string]string
	// OurTag is a tag key that a start sets later.
	OurTag string
	// VersionTag is the tag with the runner's version on images that this action has made.
	VersionTag string
	// SystemTag is the tag with the operating system on images that this action has made.
	SystemTag string

	Scope         string // of GitHub
	Public        bool   // github.com, and not a server of its own
	RunnerVersion string // "latest" or x.y.z
	// MinimumVersion is the oldest runner that github.com is known to take, for where it does not answer about one.
	MinimumVersion string
	GroupID        int64
	GroupName      string // where the runner group is given by name
	Now            time.Time
}

// Result is what a check found.
type Result string

// The results.
const (
	OK        Result = "ok"
	Failed    Result = "failed"  // a start would fail
	Warning   Result = "warning" // a start works, but not all of it, or not for long
	Unchecked Result = "not checked"
)

// Finding is one thing that was looked at.
type Finding struct {
	Check  string `json:"check"`           // "internet access"
	About  string `json:"about,omitempty"` // "subnet-1 in us-east-1"
	Result Result `json:"result"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
	Needs  string `json:"needs,omitempty"` // the permission without which it was not checked
}

// Report is everything that was found, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
}

// Count is how many findings have a result.
func (r Report) Count(result Result) int {
	n := 0
	for _, f := range r.Findings {
		if f.Result == result {
			n++
		}
	}
	return n
}

// Check looks at one thing.
type Check interface {
	// Name is what it looks at, in a word or two.
	Name() string
	// Look returns what it found, at least one finding. It returns when ctx ends, and what it could not see by then is
	// Unchecked.
	Look(ctx context.Context) []Finding
}

// Patience is how long a check may take.
const Patience = 10 * time.Second

// Examine runs all checks of a request.
func Examine(ctx context.Context, cloud Cloud, registry Registry, request Request) Report {
	x := &examination{cloud: cloud, registry: registry, request: request, known: map[string]*answer{}}
	return run(ctx, x.checks())
}

// run runs checks side by side, each cut after Patience.
func run(ctx context.Context, checks []Check) Report {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	found := make([][]Finding, len(checks))
	var group sync.WaitGroup
	for i, check := range checks {
		group.Go(func() { found[i] = bounded(ctx, check) })
	}
	group.Wait()
	return Report{Findings: slices.Concat(found...)}
}

// lastWord is how long a check that was cut may take to say what it has found so far.
const lastWord = time.Second

// bounded is a check that ends even if what it asks does not.
func bounded(ctx context.Context, check Check) []Finding {
	said := make(chan []Finding, 1)
	go func() { said <- check.Look(ctx) }()
	select {
	case findings := <-said:
		return findings
	case <-ctx.Done():
	}
	timer := time.NewTimer(lastWord)
	defer timer.Stop()
	select {
	case findings := <-said:
		return findings
	case <-timer.C:
		return []Finding{{Check: check.Name(), Result: Unchecked, Reason: fmt.Sprintf("it did not come to an end within %s",
			Patience)}}
	}
}

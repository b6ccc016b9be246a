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

// Launch is one group of like machines as the start would ask for them.
type Launch struct {
	Name      string // of the group, where it has one
	Count     int
	Spec      ec2.LaunchSpec
	Offerings []ec2.Offering
}

// Request is the start that is to be examined.
type Request struct {
	Launches []Launch
	// Existing are machines to be started instead of new ones.
	Existing *Existing
	// OursTags find instances of ours, one of which can be asked about.
	OursTags map[string]string
	// OurTag is a tag key that a start sets later; empty: nothing is tagged later, and no console is read.
	OurTag string
	// ArchitectureTag is the tag with the architecture on images that this action has made, by which a launch finds its
	// image where a placement names none.
	ArchitectureTag string
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
	BySpotScore    bool   // spot is asked for in the order of EC2's spot placement scores
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

// CheckTimeout is how long a check may take.
const CheckTimeout = 10 * time.Second

// Examine runs all checks of a request.
func Examine(ctx context.Context, cloud *ec2.Client, registry *github.Client, request Request) Report {
	x := &examination{cloud: cloud, registry: registry, request: request, known: map[string]*answer{}}
	return run(ctx, x.checks())
}

// run runs checks side by side, each cut after Patience.
func run(ctx context.Context, checks []Check) Report {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
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
		return []Finding{{Check: check.Name(), Result: Unchecked,
			Reason: fmt.Sprintf("it did not come to an end within %s",
				CheckTimeout)}}
	}
}

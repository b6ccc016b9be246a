// Package doctor examines, before a start, what could make it fail: credentials, permissions, network, image, type,
// token. It creates nothing, except a registration token that nobody uses, and changes nothing.
//
// A Check examines one thing and reports what it found. All checks run in parallel, none stops another, and each is cut
// off after ten seconds. What cannot be read, is throttled or does not respond is Unchecked, never OK. See
// docs/adr/0006-check.md.
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

// Launch is a group of identical machines as the start would request them.
type Launch struct {
	Name      string // of the group, if it has one
	Count     int
	Spec      ec2.LaunchSpec
	Offerings []ec2.Offering
}

// Request describes the start to examine.
type Request struct {
	Launches []Launch
	// Existing are the machines to start instead of new ones.
	Existing *Existing
	// OursTags are tags that select instances of this action, one of which is used for dry runs.
	OursTags map[string]string
	// OurTag is the key of a tag that a start sets later; empty: it tags nothing later and reads no console.
	OurTag string
	// ArchitectureTag is the key of the tag with the architecture on images made by this action, by which a launch
	// finds the image for placements that name none.
	ArchitectureTag string
	// VersionTag is the key of the tag with the runner's version on images made by this action.
	VersionTag string
	// SystemTag is the key of the tag with the operating system on images made by this action.
	SystemTag string

	Scope         string // of GitHub
	Public        bool   // github.com, not an Enterprise Server
	RunnerVersion string // "latest" or x.y.z
	// MinimumVersion is the oldest runner that github.com accepts, used if GitHub does not answer for a version.
	MinimumVersion string
	GroupID        int64
	GroupName      string // if the runner group is given by name
	BySpotScore    bool   // order: spot-score
	Now            time.Time
}

// Result is the result of a check.
type Result string

// The results.
const (
	OK        Result = "ok"
	Failed    Result = "failed"  // a start would fail
	Warning   Result = "warning" // a start would work, but with less function, or not for long
	Unchecked Result = "not checked"
)

// Finding is one result of a check.
type Finding struct {
	Check  string `json:"check"`           // as in "internet access"
	About  string `json:"about,omitempty"` // as in "subnet-1 in us-east-1"
	Result Result `json:"result"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
	Needs  string `json:"needs,omitempty"` // the missing permission
}

// Report contains all findings, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
}

// Count returns how many findings have a result.
func (r Report) Count(result Result) int {
	n := 0
	for _, f := range r.Findings {
		if f.Result == result {
			n++
		}
	}
	return n
}

// Check examines one thing.
type Check interface {
	// Name is what the check examines, in a word or two.
	Name() string
	// Look returns at least one finding. It returns when ctx ends; what it could not examine by then is Unchecked.
	Look(ctx context.Context) []Finding
}

// CheckTimeout limits each check.
const CheckTimeout = 10 * time.Second

// Examine runs all checks of a request.
func Examine(ctx context.Context, cloud *ec2.Client, registry *github.Client, request Request) Report {
	x := &examination{cloud: cloud, registry: registry, request: request, known: map[string]*answer{}}
	return run(ctx, x.checks())
}

// run runs checks in parallel, each cut off after CheckTimeout.
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

// lastWord is how long a check that was cut off may take to report what it has found so far.
const lastWord = time.Second

// bounded runs a check and returns even if the check does not.
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
			Reason: fmt.Sprintf("it did not end within %s", CheckTimeout)}}
	}
}

package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/doctor"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Finding is something that a check has found, the same for some sets.
type Finding struct {
	Sets []string
	doctor.Finding
}

// maxChecks is how many sets are examined at once.
const maxChecks = 4

// Check examines what each set needs, as mode check does for a start, and makes nothing. Findings are in the order of
// the checks.
func (s *Server) Check(ctx context.Context) []Finding {
	found := make([][]doctor.Finding, len(s.sets))
	limit := make(chan struct{}, maxChecks)
	var group sync.WaitGroup
	for n, set := range s.sets {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			found[n] = set.check(ctx)
		})
	}
	group.Wait()
	var list []Finding
	for n, findings := range found {
		for _, f := range findings {
			i := slices.IndexFunc(list, func(known Finding) bool { return known.Finding == f })
			if i < 0 {
				i, list = len(list), append(list, Finding{Finding: f})
			}
			list[i].Sets = append(list[i].Sets, s.sets[n].Name)
		}
	}
	return list
}

// check examines what the set needs.
func (s *set) check(ctx context.Context) []doctor.Finding {
	registry, err := s.signIn.client()
	if err != nil {
		return []doctor.Finding{{Check: "github token", Result: doctor.Failed, Reason: err.Error(), Fix: hintOf(err)}}
	}
	spec, err := s.sample()
	if err != nil {
		return []doctor.Finding{{Check: "user data", About: s.Name, Result: doctor.Failed, Reason: err.Error(),
			Fix: hintUserData}}
	}
	return append(doctor.Examine(ctx, s.cloud, registry, doctor.Request{
		Launches: []doctor.Launch{{Count: s.Max, Spec: spec,
			Offerings: survey.Offerings(s.Machine, s.Machine.Placements)}},
		OursTags:   map[string]string{key.Scope: s.scope, key.Mode: tags.ModeServe},
		VersionTag: key.RunnerVersion, SystemTag: key.System, ArchitectureTag: key.Architecture,
		MinimumVersion: bootstrap.MinimumVersion, RunnerVersion: s.Machine.RunnerVersion,
		Scope: s.scope, Public: strings.HasPrefix(s.signIn.URL, "https://github.com/"), GroupID: queue.DefaultGroupID,
		Now: time.Now(),
	}).Findings, s.checkSet(ctx))
}

// checkSet asks GitHub's service of scale sets for the set.
func (s *set) checkSet(ctx context.Context) doctor.Finding {
	f := doctor.Finding{Check: "scale set", About: s.Name, Result: doctor.OK}
	ctx, cancel := context.WithTimeout(ctx, doctor.CheckTimeout)
	defer cancel()
	api, err := s.client()
	var group int
	if err == nil {
		group, err = api.GroupID(ctx, s.RunnerGroup)
	}
	var found bool
	if err == nil {
		_, found, err = api.Find(ctx, group, s.Name)
	}
	switch {
	case err != nil && isRefused(err):
		f.Result, f.Reason, f.Fix = doctor.Failed, err.Error(), hintOf(err)
	case err != nil:
		f.Result, f.Reason, f.Fix = doctor.Unchecked, err.Error(), hintOf(err)
	case found:
		f.Reason = "GitHub has it"
	default:
		f.Reason = "GitHub has none of this name; the program will make it"
	}
	return f
}

const hintUserData = "make setup-script and pre-runner-script shorter: let them fetch the rest, or bake it into the " +
	"image"

// jitLength is that of a JIT configuration, about 4 KB of base64.
const jitLength = 4600

// sample is a launch as EC2 would be asked for it, with a registration that is made up. It makes no call.
func (s *set) sample() (ec2.LaunchSpec, error) {
	now := time.Now()
	r := &runner{name: newName("", s.Name), due: now.Add(dueTime), expires: now.Add(lifetime)}
	return s.spec(r, queue.Registration{ID: 1, JIT: tags.RandomText(jitLength)},
		offer{machine: s.wanted().Machine, software: survey.LikelySoftware()})
}

// checkUserData refuses sets whose machines EC2 would never launch.
func checkUserData(sets []*set) error {
	var problems []config.Problem
	for _, set := range sets {
		if _, err := set.sample(); err != nil {
			problems = append(problems, config.Problem{Line: set.Line, Hint: hintUserData,
				Message: fmt.Sprintf("the user data of scale set %q's machine is too large: %v", set.Name, err)})
		}
	}
	if len(problems) > 0 {
		return &config.InvalidError{Problems: problems}
	}
	return nil
}

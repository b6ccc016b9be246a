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
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Finding is a finding of a check, with the sets that have it.
type Finding struct {
	Sets []string
	doctor.Finding
}

// maxChecks is how many sets are examined at once.
const maxChecks = 4

// Check examines what each set needs, as mode check does for a start, and creates nothing. The findings are in the
// order of the checks.
func (s *Server) Check(ctx context.Context) []Finding {
	found := make([][]doctor.Finding, len(s.sets))
	limit := make(chan struct{}, maxChecks)
	var group sync.WaitGroup
	for n, set := range s.sets {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			found[n] = s.checkSet(ctx, set)
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
			list[i].Sets = append(list[i].Sets, s.sets[n].name)
		}
	}
	return list
}

// checkSet examines what one set needs.
func (s *Server) checkSet(ctx context.Context, set *set) []doctor.Finding {
	registry, err := s.signIn.client()
	if err != nil {
		return []doctor.Finding{{Check: "github token", Result: doctor.Failed, Reason: err.Error(), Fix: hintOf(err)}}
	}
	file := set.settings.now()
	spec, err := s.template(set.name).sample(file.Machine)
	if err != nil {
		return []doctor.Finding{{Check: "user data", About: set.name, Result: doctor.Failed, Reason: err.Error(),
			Fix: hintUserData}}
	}
	return append(doctor.Examine(ctx, s.cloud, registry, doctor.Request{
		Launches: []doctor.Launch{{Count: file.Max, Spec: spec,
			Offerings: survey.Offerings(file.Machine, file.Machine.Placements)}},
		OursTags:   map[string]string{key.Scope: s.scope, key.Mode: tags.ModeServe},
		VersionTag: key.RunnerVersion, SystemTag: key.System, ArchitectureTag: key.Architecture,
		MinimumVersion: bootstrap.MinimumVersion, RunnerVersion: file.Machine.RunnerVersion,
		Scope: s.scope, Public: strings.HasPrefix(s.signIn.URL, "https://github.com/"), GroupID: queue.DefaultGroupID,
		Now: time.Now(),
	}).Findings, set.check(ctx))
}

// check looks the set up in GitHub's scale-set service.
func (s *set) check(ctx context.Context) doctor.Finding {
	f := doctor.Finding{Check: "scale set", About: s.name, Result: doctor.OK}
	ctx, cancel := context.WithTimeout(ctx, doctor.CheckTimeout)
	defer cancel()
	group, err := s.api.GroupID(ctx, s.settings.now().RunnerGroup)
	var found bool
	if err == nil {
		_, found, err = s.api.Find(ctx, group, s.name)
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

// checkUserData refuses sets whose machines EC2 would never launch.
func (s *Server) checkUserData(sets []config.Set) error {
	var problems []config.Problem
	for _, set := range sets {
		if _, err := s.template(set.Name).sample(set.Machine); err != nil {
			problems = append(problems, config.Problem{Line: set.Line, Hint: hintUserData,
				Message: fmt.Sprintf("the user data of scale set %q's machine is too large: %v", set.Name, err)})
		}
	}
	if len(problems) > 0 {
		return &config.InvalidError{Problems: problems}
	}
	return nil
}

package existing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// existing is the state of a start of existing machines.
type existing struct {
	st *runner.Start
	Machines
	runners   []github.Runner // all runners of the scope, before anything was started
	readAt    time.Time       // when they were read
	ran       []ec2.Instance  // matching machines that were already running, usable or not
	mu        sync.Mutex
	queue     []ec2.Instance // machines that may be used, in this order
	refused   []string       // why other machines were not used
	denied    bool           // EC2 denies tagging or starting a machine
	ambiguous string         // why runners cannot be assigned to machines
	foreign   map[int64]bool // runners that came online before any machine of ours ran
	rivals    int            // machines of others with a new runner, as EC2 last showed them
}

// Begin implements runner.Source.
func (m Machines) Begin(st *runner.Start) runner.Supply {
	x := &existing{st: st, Machines: m, foreign: map[int64]bool{}}
	return runner.Supply{
		Steps: []runner.Step{
			// Machines that match, that nobody else uses, and whose runners are registered.
			{Phase: "find", Title: "Find the machines", Run: x.find},
			// Each is tagged as ours before it is started.
			{Phase: "launch", Title: "Start the machines", Run: x.adoptAll},
		},
		Match: x.match, Settle: x.settle,
	}
}

func (x *existing) refuse(id string, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refused = append(x.refused, id+": "+why)
}

// hasRun reports whether a machine was already running when the start listed the machines.
func (x *existing) hasRun(id string) bool {
	return slices.ContainsFunc(x.ran, func(i ec2.Instance) bool { return i.ID == id })
}

// next removes a machine from the queue.
func (x *existing) next() (ec2.Instance, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.queue) == 0 {
		return ec2.Instance{}, false
	}
	first := x.queue[0]
	x.queue = x.queue[1:]
	return first, true
}

// find finds machines that may be used, and their runners. It changes nothing.
func (x *existing) find(ctx context.Context, _ *slog.Logger) error {
	x.Region = cmp.Or(x.Region, x.st.Cloud.Region())
	machines, err := x.matching(ctx)
	if err != nil {
		return err
	}
	x.readAt = time.Now()
	if x.runners, err = x.st.Registry.AllRunners(ctx); err != nil {
		return err
	}
	x.st.NoteRate()
	if err := x.checkRunners(); err != nil {
		return err
	}
	for _, i := range machines {
		if i.IsOn() {
			x.ran = append(x.ran, i)
		}
		why, err := x.whyUnusable(ctx, i)
		if err != nil {
			return err
		}
		if why != "" {
			x.refuse(i.ID, why)
			continue
		}
		x.queue = append(x.queue, i)
	}
	x.order()
	for _, s := range x.st.Slots() {
		s.Timeline().Registered = x.st.Since()
	}
	least := cmp.Or(x.st.Request.MinCount, len(x.st.Slots()))
	if len(x.queue) < least {
		return x.noneLeft(fmt.Sprintf("%d of the machines %s in %s can be used, but %d are requested", len(x.queue), x,
			x.Region, least))
	}
	return nil
}

// matching lists the machines that the request selects.
func (x *existing) matching(ctx context.Context) ([]ec2.Instance, error) {
	selector := ec2.Selector{IDs: x.IDs}
	if len(x.IDs) == 0 {
		selector.Tags = escaped(x.Tags)
		selector.States = []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped}
	}
	found, err := x.st.Cloud.Instances(ctx, x.Region, selector)
	if err != nil {
		return nil, err
	}
	for _, id := range x.IDs {
		if !slices.ContainsFunc(found, func(i ec2.Instance) bool { return i.ID == id }) {
			x.refuse(id, "EC2 does not know it in "+x.Region)
		}
	}
	if len(found) == 0 && len(x.IDs) == 0 {
		return nil, &diagnosis.FailedError{
			Message: fmt.Sprintf("no machine %s is found in %s", x, x.Region),
			Hint:    diagnosis.HintNoMachine,
		}
	}
	return found, nil
}

// escaped returns tags with the wildcards of EC2's filters escaped in their values.
func escaped(wanted map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range wanted {
		out[key] = tags.EscapeFilter(value)
	}
	return out
}

// checkRunners returns an error for a request whose runner can never come online, before anything is started.
func (x *existing) checkRunners() error {
	label := x.st.Identity.Label
	for _, name := range x.Names {
		n := slices.IndexFunc(x.runners, func(r github.Runner) bool { return r.Name == name })
		switch {
		case n < 0:
			return &diagnosis.FailedError{Message: fmt.Sprintf("no runner named %s is registered in %s", name,
				x.st.Identity.Scope),
				Hint: diagnosis.HintNoRunner}
		case !tags.HasLabel(x.runners[n], label):
			return &diagnosis.FailedError{Message: fmt.Sprintf("the runner %s has the labels %s, but not %s", name,
				strings.Join(x.runners[n].Labels, ", "), label), Hint: diagnosis.HintNoRunner}
		}
	}
	if len(x.Names) == 0 && !slices.ContainsFunc(x.runners,
		func(r github.Runner) bool { return tags.HasLabel(r, label) }) {
		return &diagnosis.FailedError{Message: fmt.Sprintf("no runner with the label %s is registered in %s", label,
			x.st.Identity.Scope), Hint: diagnosis.HintNoRunner}
	}
	return nil
}

// whyUnusable returns why a machine may not be used, or "" if it may.
func (x *existing) whyUnusable(ctx context.Context, i ec2.Instance) (string, error) {
	if !i.Alive() {
		return "it is " + i.State, nil
	}
	for _, key := range slices.Sorted(maps.Keys(x.Tags)) {
		if value, has := i.Tags[key]; !has || value != x.Tags[key] {
			return fmt.Sprintf("it does not have the tag %s=%s", key, x.Tags[key]), nil
		}
	}
	words, run := holder(i, x.st.Identity, time.Now())
	if run == "" {
		return words, nil
	}
	over, err := x.st.Registry.RunOver(ctx, x.st.Identity.Run.Repository, run)
	switch {
	case err == nil && over:
		return "", nil
	case err == nil:
		return words, nil
	case github.ClassOf(err) == github.Unauthorized || ctx.Err() != nil:
		return "", err
	}
	return fmt.Sprintf("%s, and whether that run is over is unknown (needs actions: read): %v", words, err), nil
}

// order puts idle running machines first, then stopped ones, then stopping ones, and busy ones last. Within each group,
// concurrent starts begin with different machines.
func (x *existing) order() {
	rank := func(i ec2.Instance) int {
		running := i.State == ec2.Running || i.State == ec2.Pending
		switch {
		case running && tags.Of(i).MayBeBusy(x.runners):
			return 3
		case running:
			return 0
		case i.State == ec2.Stopped:
			return 1
		}
		return 2
	}
	slices.SortFunc(x.queue, func(a, b ec2.Instance) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(shuffleKey(x.st.Identity.Nonce, a.ID),
			shuffleKey(x.st.Identity.Nonce,
				b.ID)))
	})
}

// noneLeft returns an error that says why no further machine can be used.
func (x *existing) noneLeft(message string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.refused) > 0 {
		message += ": " + strings.Join(x.refused, "; ")
	}
	hint := diagnosis.HintNotTaken
	if x.denied {
		hint = diagnosis.HintMayNotTake
	}
	return &diagnosis.FailedError{Message: message, Hint: hint}
}

package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// existing is what a start knows of the machines that it may take.
type existing struct {
	Existing
	before  []github.Runner // all runners of the scope, as they were before anything was started
	readAt  time.Time       // when they were read
	ran     []ec2.Instance  // machines that are asked for and ran already, whether they can be taken or not
	mu      sync.Mutex
	queue   []ec2.Instance // that may be taken, in this order
	refused []string       // why others were not
	denied  bool           // EC2 lets us not tag or not start a machine
}

func (x *existing) refuse(id string, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refused = append(x.refused, id+": "+why)
}

// hasRun reports whether a machine ran already when the machines were looked for.
func (x *existing) hasRun(id string) bool {
	return slices.ContainsFunc(x.ran, func(i ec2.Instance) bool { return i.ID == id })
}

// next takes a machine out of the queue.
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

// find looks for machines that may be taken, and for their runners. It changes nothing.
func (st *start) find(ctx context.Context) error {
	x := st.existing
	if x.Region == "" {
		x.Region = st.Cloud.Region()
	}
	machines, err := st.matching(ctx)
	if err != nil {
		return err
	}
	x.readAt = time.Now()
	if x.before, err = st.Registry.AllRunners(ctx); err != nil {
		return err
	}
	st.rate = st.Registry.Rate()
	if err := st.checkRunners(); err != nil {
		return err
	}
	for _, i := range machines {
		if tags.IsOn(i) {
			x.ran = append(x.ran, i)
		}
		why, err := st.whyNot(ctx, i)
		if err != nil {
			return err
		}
		if why != "" {
			x.refuse(i.ID, why)
			continue
		}
		x.queue = append(x.queue, i)
	}
	st.order()
	for _, s := range st.slots {
		s.timeline.Registered = st.since()
	}
	least := cmp.Or(st.request.MinCount, len(st.slots))
	if len(x.queue) < least {
		return st.noneLeft(fmt.Sprintf("%d of the machines %s in %s can be taken, and %d are asked for", len(x.queue), x,
			x.Region, least))
	}
	return nil
}

// matching lists the machines that are asked for.
func (st *start) matching(ctx context.Context) ([]ec2.Instance, error) {
	x := st.existing
	selector := ec2.Selector{IDs: x.IDs}
	if len(x.IDs) == 0 {
		selector.Tags = escaped(x.Tags)
		selector.States = []string{ec2.Pending, ec2.Running, ec2.Stopping, ec2.Stopped}
	}
	found, err := st.Cloud.Instances(ctx, x.Region, selector)
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

// escaped are tags whose values mean themselves in a filter.
func escaped(tags map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range tags {
		out[key] = escapeFilter(value)
	}
	return out
}

// checkRunners refuses, before anything is started, what can never come online.
func (st *start) checkRunners() error {
	x, label := st.existing, st.identity.Label
	for _, name := range x.Names {
		n := slices.IndexFunc(x.before, func(r github.Runner) bool { return r.Name == name })
		switch {
		case n < 0:
			return &diagnosis.FailedError{Message: fmt.Sprintf("no runner named %s is registered in %s", name,
				st.identity.Scope),
				Hint: diagnosis.HintNoRunner}
		case !tags.HasLabel(x.before[n], label):
			return &diagnosis.FailedError{Message: fmt.Sprintf("the runner %s has the labels %s, and not %s", name,
				strings.Join(x.before[n].Labels, ", "), label), Hint: diagnosis.HintNoRunner}
		}
	}
	if len(x.Names) == 0 && !slices.ContainsFunc(x.before, func(r github.Runner) bool { return tags.HasLabel(r, label) }) {
		return &diagnosis.FailedError{Message: fmt.Sprintf("no runner with the label %s is registered in %s", label,
			st.identity.Scope),
			Hint: diagnosis.HintNoRunner}
	}
	return nil
}

// whyNot returns why a machine may not be taken, or nothing.
func (st *start) whyNot(ctx context.Context, i ec2.Instance) (string, error) {
	if !i.Alive() {
		return "it is " + i.State, nil
	}
	for _, key := range sortedKeys(st.existing.Tags) {
		if value, has := i.Tags[key]; !has || value != st.existing.Tags[key] {
			return fmt.Sprintf("it has not the tag %s=%s", key, st.existing.Tags[key]), nil
		}
	}
	words, run := holder(i, st.identity, time.Now())
	if run == "" {
		return words, nil
	}
	over, err := st.Registry.RunOver(ctx, st.identity.Run.Repository, run)
	switch {
	case err == nil && over:
		return "", nil
	case err == nil:
		return words, nil
	case github.ClassOf(err) == github.Unauthorized || ctx.Err() != nil:
		return "", err
	}
	return fmt.Sprintf("%s, and whether that is over cannot be seen (needs actions: read): %v", words, err), nil
}

// order puts what runs already and is idle first, then what is stopped, then what is only stopping, and last what is at
// work. Within each, starts begin with different ones.
func (st *start) order() {
	rank := func(i ec2.Instance) int {
		running := i.State == ec2.Running || i.State == ec2.Pending
		switch {
		case running && tags.MayWork(i, st.existing.before):
			return 3
		case running:
			return 0
		case i.State == ec2.Stopped:
			return 1
		}
		return 2
	}
	slices.SortFunc(st.existing.queue, func(a, b ec2.Instance) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(scattered(st.identity.Nonce, a.ID), scattered(st.identity.Nonce,
			b.ID)))
	})
}

// noneLeft returns why no further machine could be taken.
func (st *start) noneLeft(message string) error {
	x := st.existing
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

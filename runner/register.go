package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
)

// register claims the names and gets what the machines register with; a JIT configuration is made for each right before
// its launch. The images are asked for at the same time, the runner software after it: both are a help, not a need, and
// of GitHub one thing is asked at a time, since it refuses a token's calls beyond a hundred at once, which a hundred
// legs of a matrix make at their first call.
func (st *start) register(ctx context.Context) error {
	cold := st.cold()
	if len(cold) == 0 { // all machines are warm
		return nil
	}
	var noSoftware, noImage error
	var group sync.WaitGroup
	first := !st.looked
	if st.looked = true; first {
		group.Go(func() {
			defer close(st.surveyed)
			noImage = st.readAccount(ctx)
		})
	}
	err := st.enroll(ctx, cold)
	if err == nil && first {
		st.offered, noSoftware = st.downloads().Find(ctx, st.log)
	}
	group.Wait()
	for _, s := range cold {
		if err == nil && !st.request.JIT { // what GitHub has refused is not ready
			s.timeline.Registered = st.since()
		}
	}
	return cmp.Or(err, noSoftware, noImage)
}

// readAccount reads what the account says of images, types and zones before anything is launched.
func (st *start) readAccount(ctx context.Context) error {
	sv := survey.Survey{
		Cloud: st.Cloud, Log: st.log, Warn: st.warn, WebURL: st.request.WebURL,
		EveryRegion: st.everyRegion, BySpotScore: st.request.BySpotScore,
	}
	groups := make([]survey.Group, len(st.groups))
	for i, g := range st.groups {
		groups[i] = survey.Group{Machine: g.Machine, Count: g.Count}
	}
	found, err := sv.Read(ctx, groups)
	for i := range found {
		st.groups[i].found = found[i]
	}
	return err
}

// downloads is where the machines' runner comes from.
func (st *start) downloads() survey.Downloads {
	return survey.Downloads{Registry: st.Registry, WebURL: st.request.WebURL, Version: st.groups[0].RunnerVersion,
		Warn: st.warn}
}

// cold are the slots that no warm machine has taken, that are not given up, and that have no registration from an
// earlier machine.
func (st *start) cold() []*slot {
	return slices.DeleteFunc(st.living(), func(s *slot) bool { return s.instance.ID != "" || len(s.unit.panicked) > 0 })
}

// enroll claims the names and gets one registration token for all slots, unless each gets a JIT configuration.
func (st *start) enroll(ctx context.Context, slots []*slot) error {
	if err := st.chooseGroup(ctx); err != nil {
		return err
	}
	if err := st.reserveNames(ctx, slots); err != nil {
		return err
	}
	st.rate = st.Registry.Rate() // how fast it grows tells from the first look on how many others use the token
	if st.request.JIT {
		return nil
	}
	return st.renewToken(ctx)
}

// enroll makes the JIT configuration of a unit's slot that has none. Slots are launched as soon as they have theirs:
// GitHub lets many be made only slowly, and EC2 lets many be launched only slowly.
func (u *unit) enroll(ctx context.Context) error {
	s := u.slots[0]
	u.mu.Lock()
	done := !u.request.JIT || s.failed != nil || s.instance.ID != "" || s.jit != ""
	u.mu.Unlock()
	if done {
		return nil
	}
	if err := u.enrollJIT(ctx, s); err != nil {
		return err
	}
	s.timeline.Registered = u.since()
	return nil
}

// chooseGroup completes the runner group: a JIT configuration wants its id, config.sh its name. The default group needs
// neither.
func (st *start) chooseGroup(ctx context.Context) error {
	r := &st.request
	if st.grouped || (r.GroupName == "" && (r.JIT || r.GroupID <= 1)) {
		return nil
	}
	groups, err := st.Registry.Groups(ctx)
	if err != nil && r.GroupName != "" && !r.JIT { // the machine itself says whether there is such a group, only later
		st.log.Debug("the runner groups cannot be listed", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, group := range groups {
		if group.Name == r.GroupName || (r.GroupName == "" && group.ID == r.GroupID) {
			r.GroupID, r.GroupName, st.grouped = group.ID, group.Name, true
			return nil
		}
	}
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("The 'runner-group-id' input is %s, and %s has no such runner group",
			cmp.Or(r.GroupName, strconv.FormatInt(r.GroupID, 10)), r.Scope),
		Hint: "take a group's name or id from the settings of " + r.Scope +
			", or leave the input out for the default group",
	}
}

// tokenServes is how long a registration token is used: it lives for an hour, and a machine must still boot with it.
const tokenServes = 45 * time.Minute

// renewToken gets a registration token, unless there is one that is young enough.
func (st *start) renewToken(ctx context.Context) error {
	st.tokenLock.Lock()
	defer st.tokenLock.Unlock()
	if st.token != "" && time.Since(st.tokenAt) < tokenServes {
		return nil
	}
	answer, err := st.Registry.RegistrationToken(ctx)
	if err != nil {
		return err
	}
	st.Journal.Secret(answer.Value)
	st.log.Info("GitHub Registration Token is received")
	st.token, st.tokenAt = answer.Value, time.Now()
	return nil
}

func (st *start) enrollJIT(ctx context.Context, s *slot) error {
	if st.request.Ephemeral && st.request.DefaultLabels { // which name the architecture
		select {
		case <-st.surveyed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for range 2 {
		if err := st.announce(s); err != nil {
			return err
		}
		config, err := st.Registry.JITConfig(ctx, github.JITRequest{Name: s.name, GroupID: st.request.GroupID,
			Labels: st.labels(s)})
		if errors.Is(err, github.ErrNameTaken) { // by somebody who was faster than our look
			st.renameFrom(s)
			continue
		}
		if err != nil {
			return err
		}
		st.Journal.Secret(config.Encoded)
		st.mu.Lock()
		s.runnerID, s.jit = config.RunnerID, config.Encoded
		st.mu.Unlock()
		st.log.Info("GitHub JIT runner configuration is received", "runner", s.name, "runner-id", s.runnerID)
		return st.announce(s)
	}
	return fmt.Errorf("generate JIT configuration: %w: %s", github.ErrNameTaken, s.name)
}

// labels are those that the registration gets. A JIT runner has only what it is given: a single-use one is its own
// job's, and with self-hosted among its labels any job that asks for no more would take it.
func (st *start) labels(s *slot) []string {
	var defaults []string
	if st.request.Ephemeral && st.request.DefaultLabels {
		defaults = []string{"self-hosted", "Linux", s.found.ArchitectureLabel()}
	}
	return slices.Concat(defaults, []string{s.label}, st.request.Labels)
}

// announce notes that registrations with these slots' names may exist from now on, and that they are ours.
func (st *start) announce(slots ...*slot) error {
	var made []post.Registration
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range slots {
		s.registering = true
	}
	for _, s := range st.slots {
		if s.registering && s.machine.Kind() == Cold { // the claim stands in the journal
			made = append(made, post.Registration{Name: s.name, Other: s.other, ID: s.runnerID, JIT: st.request.JIT})
		}
	}
	return st.Journal.Registering(made)
}

// registration is what makes one machine a runner.
type registration struct{ name, other, token, jit, mark string }

func (g *group) spec(request StartRequest, by registration, software survey.Software) bootstrap.Spec {
	spec := bootstrap.Spec{
		Machine: g.Machine, URL: request.WebURL, Name: by.name, OtherName: by.other, NameByIndex: g.together,
		Labels: append([]string{g.label}, request.Labels...), Group: request.GroupName, Token: by.token,
		JITConfig: by.jit,
		Debug:     request.Debug, Software: software.List, DownloadToken: software.Token, Ephemeral: request.Ephemeral,
		RegistrationTimeout: request.machineGivesUp(), KeepFailed: request.KeepFailed, IdleTimeout: request.IdleTimeout,
		MaxLifetime: request.MaxLifetime, MaxLifetimeHard: request.MaxLifetimeHard,
	}
	if by.other != "" {
		spec.Labels = append(spec.Labels, by.mark)
	}
	if g.StopsOnPowerOff() { // a machine that powered itself off would only be stopped, and stay
		spec.Ephemeral, spec.RegistrationTimeout, spec.IdleTimeout, spec.MaxLifetime, spec.MaxLifetimeHard,
			spec.KeepFailed = false, 0, 0, 0, false, 0
	}
	return spec
}

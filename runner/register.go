package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// registrar makes registrations for a start in one of its phases.
type registrar struct {
	st  *Start
	log *slog.Logger
}

// register reserves the names and gets the registration token; each JIT configuration is made right before its launch.
// Images are read concurrently, the runner software after the token: both are optional, and GitHub gets one call at a
// time, since it refuses more than a hundred concurrent calls with one token, which a hundred legs of a matrix make
// with their first call.
func (st *Start) register(ctx context.Context, log *slog.Logger) error {
	r := registrar{st, log}
	cold := r.cold()
	if len(cold) == 0 { // all machines are warm
		return nil
	}
	var noSoftware, noImage error
	var group sync.WaitGroup
	first := !r.st.looked
	if r.st.looked = true; first {
		group.Go(func() {
			defer close(r.st.surveyed)
			noImage = r.readAccount(ctx, false)
		})
	}
	err := r.enroll(ctx, cold)
	if err == nil && first {
		r.st.offered, noSoftware = r.downloads().Find(ctx, r.log)
	}
	group.Wait()
	for _, s := range cold {
		if err == nil && !r.st.Request.JIT { // not ready if GitHub has refused it
			s.timeline.Registered = r.st.Since()
		}
	}
	return cmp.Or(err, noSoftware, noImage)
}

// readAccount reads the account's images, types and zones before anything is launched.
func (r registrar) readAccount(ctx context.Context, everyRegion bool) error {
	sv := survey.Survey{
		Cloud: r.st.Cloud, Log: r.log, Warn: r.warn, WebURL: r.st.Request.WebURL,
		EveryRegion: everyRegion, BySpotScore: r.st.Request.BySpotScore,
	}
	groups := make([]survey.Group, len(r.st.groups))
	for i, g := range r.st.groups {
		groups[i] = survey.Group{Machine: g.Machine, Count: g.Count}
	}
	found, err := sv.Read(ctx, groups)
	for i := range found {
		r.st.groups[i].found = found[i]
	}
	return err
}

func (r registrar) warn(message string) { r.st.Warn(r.log, message) }

// downloads returns where the machines' runner software comes from.
func (r registrar) downloads() survey.Downloads {
	return survey.Downloads{Registry: r.st.Registry, WebURL: r.st.Request.WebURL, Version: r.st.groups[0].RunnerVersion,
		Warn: r.warn}
}

// cold returns the slots without a warm machine that are not given up and have no registration from an earlier machine.
func (r registrar) cold() []*Slot {
	return slices.DeleteFunc(r.st.living(),
		func(s *Slot) bool { return s.instance.ID != "" || len(s.unit.panicked) > 0 })
}

// enroll reserves the names and gets one registration token for all slots, unless each gets a JIT configuration.
func (r registrar) enroll(ctx context.Context, slots []*Slot) error {
	if err := r.chooseGroup(ctx); err != nil {
		return err
	}
	if err := r.reserveNames(ctx, slots); err != nil {
		return err
	}
	r.st.rate = r.st.Registry.Rate() // its growth until the first look shows how much others use the token
	if r.st.Request.JIT {
		return nil
	}
	return r.renewToken(ctx)
}

// chooseGroup completes the runner group: a JIT configuration needs its id, config.sh its name. The default group needs
// neither.
func (r registrar) chooseGroup(ctx context.Context) error {
	wanted := &r.st.Request
	if r.st.grouped || (wanted.GroupName == "" && (wanted.JIT || wanted.GroupID <= 1)) {
		return nil
	}
	groups, err := r.st.Registry.Groups(ctx)
	if err != nil && wanted.GroupName != "" && !wanted.JIT { // config.sh reports a missing group later
		r.log.Debug("cannot list the runner groups", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, group := range groups {
		if group.Name == wanted.GroupName || (wanted.GroupName == "" && group.ID == wanted.GroupID) {
			wanted.GroupID, wanted.GroupName, r.st.grouped = group.ID, group.Name, true
			return nil
		}
	}
	return &diagnosis.RefusedError{
		Message: fmt.Sprintf("The 'runner-group-id' input is %s, but %s has no such runner group",
			cmp.Or(wanted.GroupName, strconv.FormatInt(wanted.GroupID, 10)), wanted.Scope),
		Hint: "use a group's name or id from the settings of " + wanted.Scope +
			", or omit the input for the default group",
	}
}

// tokenMaxAge is how long a registration token is used: it is valid for an hour, and a machine must still boot with it.
const tokenMaxAge = 45 * time.Minute

// renewToken gets a registration token unless the last one is young enough.
func (r registrar) renewToken(ctx context.Context) error {
	r.st.tokenLock.Lock()
	defer r.st.tokenLock.Unlock()
	if r.st.token != "" && time.Since(r.st.tokenAt) < tokenMaxAge {
		return nil
	}
	answer, err := r.st.Registry.RegistrationToken(ctx)
	if err != nil {
		return err
	}
	r.st.Journal.Secret(answer.Value)
	r.log.Info("GitHub Registration Token is received")
	r.st.token, r.st.tokenAt = answer.Value, time.Now()
	return nil
}

func (r registrar) enrollJIT(ctx context.Context, s *Slot) error {
	if r.st.Request.Ephemeral && r.st.Request.DefaultLabels { // default labels contain the architecture
		select {
		case <-r.st.surveyed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for range 2 {
		if err := r.st.announce(s); err != nil {
			return err
		}
		config, err := r.st.Registry.JITConfig(ctx, github.JITRequest{Name: s.name, GroupID: r.st.Request.GroupID,
			Labels: r.labels(s)})
		if errors.Is(err, github.ErrNameTaken) { // by somebody who registered after our look
			r.renameFrom(s)
			continue
		}
		if err != nil {
			return err
		}
		r.st.Journal.Secret(config.Encoded)
		r.st.mu.Lock()
		s.runnerID, s.jit = config.RunnerID, config.Encoded
		r.st.mu.Unlock()
		r.log.Info("GitHub JIT runner configuration is received", "runner", s.name, "runner-id", s.runnerID)
		return r.st.announce(s)
	}
	return fmt.Errorf("generate JIT configuration: %w: %s", github.ErrNameTaken, s.name)
}

// labels returns the labels of the registration. A JIT runner has only the labels it is given: a single-use one is
// meant for its own job, and with the label self-hosted any job that requests no more would take it.
func (r registrar) labels(s *Slot) []string {
	var defaults []string
	if r.st.Request.Ephemeral && r.st.Request.DefaultLabels {
		defaults = []string{"self-hosted", "Linux", s.group.found.ArchitectureLabel()}
	}
	return slices.Concat(defaults, []string{s.group.label}, r.st.Request.Labels)
}

// announce records that registrations with these slots' names may exist from now on and are ours.
func (st *Start) announce(slots ...*Slot) error {
	var made []post.Registration
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range slots {
		s.registering = true
	}
	for _, s := range st.slots {
		if s.registering && s.machine.Kind() == Cold { // the journal has a warm machine's claim
			made = append(made, post.Registration{Name: s.name, Other: s.alternative, ID: s.runnerID,
				JIT: st.Request.JIT})
		}
	}
	return st.Journal.Registering(made)
}

// registration is what one machine registers with.
type registration struct{ name, other, token, jit, mark string }

func (g *group) spec(request StartRequest, by registration, software survey.Software) bootstrap.Spec {
	spec := bootstrap.Spec{
		Machine: g.Machine, URL: request.WebURL, Name: by.name, OtherName: by.other, NameByIndex: g.together,
		Labels: append([]string{g.label}, request.Labels...), Group: request.GroupName, Token: by.token,
		JITConfig: by.jit,
		Debug:     request.Debug, Software: software.List, DownloadToken: software.Token, Ephemeral: request.Ephemeral,
		RegistrationTimeout: request.machineGivesUp(), KeepFailed: request.KeepFailed, IdleTimeout: request.IdleTimeout,
		MaxLifetime: request.MaxLifetime, MaxLifetimeHard: request.MaxLifetimeHard,
		KeepEnded: request.keepEnded(g.Machine),
	}
	if by.other != "" {
		spec.Labels = append(spec.Labels, by.mark)
	}
	if g.StopsOnPowerOff() { // power-off would only stop the machine, which would stay
		spec.Ephemeral, spec.RegistrationTimeout, spec.IdleTimeout, spec.MaxLifetime, spec.MaxLifetimeHard,
			spec.KeepFailed = false, 0, 0, 0, false, 0
	}
	return spec
}

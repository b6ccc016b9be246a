package serve

import (
	"context"
	"reflect"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// offer is what to ask EC2 for, and what its machines may download, as of one survey.
type offer struct {
	machine   machine.Machine // that was asked for
	offerings []ec2.Offering
	software  survey.Software
	at        time.Time
	renewing  bool
}

// Ages of a survey. A launch does not wait for a new one, unless the image that it knows is gone.
const (
	offerAge = 15 * time.Minute
	// tokenAge is how long the token for the download from a GitHub Enterprise Server is used.
	tokenAge = 5 * time.Minute
)

// Times of a machine. The machine itself gives up a little earlier than a look would end it.
const (
	registrationTimeout = 8 * time.Minute
	dueTime             = 10 * time.Minute
	lifetime            = 24 * time.Hour
)

// offer returns the newest survey. One that is old is read anew beside the launch.
func (s *set) offer(ctx context.Context) (offer, error) {
	s.mu.Lock()
	found := s.found
	stale := found != nil && time.Since(found.at) > offerAge
	expired := found != nil && found.software.Token != "" && time.Since(found.at) > tokenAge
	if found == nil || expired {
		s.mu.Unlock()
		return s.survey(ctx)
	}
	defer s.mu.Unlock()
	if stale && !found.renewing {
		found.renewing = true
		s.launches.Go(func() {
			s.prepare(ctx)
			s.mu.Lock()
			defer s.mu.Unlock()
			found.renewing = false
		})
	}
	return *found, nil
}

// prepare reads images and types before a launch needs them.
func (s *set) prepare(ctx context.Context) {
	if _, err := s.survey(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("images and types cannot be read", "error", err.Error())
	}
}

// survey reads what the account says of the set's images, types and zones, and GitHub of the runner's software.
func (s *set) survey(ctx context.Context) (offer, error) {
	registry, err := s.signIn.client()
	if err != nil {
		return offer{}, err
	}
	warn := func(message string) { s.log.Warn(message) }
	reader := survey.Survey{Cloud: s.cloud, Log: s.log, Warn: warn, WebURL: s.signIn.URL}
	wanted := s.wanted().Machine
	found, err := reader.Read(ctx, []survey.Group{{Machine: wanted}})
	if err != nil {
		return offer{}, err
	}
	downloads := survey.Downloads{Registry: registry, WebURL: s.signIn.URL, Version: wanted.RunnerVersion,
		Warn: warn}
	software, err := downloads.Find(ctx, s.log)
	if err != nil {
		return offer{}, err
	}
	made := offer{machine: wanted, offerings: found[0].Offerings, software: software, at: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reflect.DeepEqual(wanted, s.Machine) { // else the file was read again meanwhile
		s.found = &made
	}
	return made, nil
}

// forgetOffer makes the next launch read images and types anew.
func (s *set) forgetOffer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = nil
}

// machine is what a runner's machine needs to know.
func (s *set) machine(r *runner, by queue.Registration, found offer) bootstrap.Spec {
	return bootstrap.Spec{
		Machine: found.machine, URL: s.signIn.URL, Name: r.name, JITConfig: by.JIT, Software: found.software.List,
		DownloadToken: found.software.Token, Ephemeral: true, RegistrationTimeout: registrationTimeout,
		MaxLifetime: lifetime,
	}
}

// spec is the launch of one machine. Its times are fixed here: a request that is asked again must be the same.
func (s *set) spec(r *runner, by queue.Registration, found offer) (ec2.LaunchSpec, error) {
	data, err := s.machine(r, by, found).UserData()
	if err != nil {
		return ec2.LaunchSpec{}, err
	}
	id := identity(s.scope, r.name)
	own := ownTags(id, s.Name, by.ID, r.due, r.expires)
	if found.machine.JobReport {
		own[key.JobReport] = "true"
	}
	return ec2.LaunchSpec{
		Machine: found.machine, UserData: func(int) []byte { return data }, NeedsTags: true, KeepTag: key.KeepVolumes,
		OwnTags: func(int) map[string]string { return own }, TokenTag: key.ClientToken,
		Token: func(offering, try int) string { return id.ClientToken(r.name, 0, offering, try) },
	}, nil
}

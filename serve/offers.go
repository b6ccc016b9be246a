package serve

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
)

// offer is what to request from EC2, and the software for its machines, as of one survey.
type offer struct {
	machine   machine.Machine // as the file had it
	offerings []ec2.Offering
	software  survey.Software
	at        time.Time
	renewing  bool
}

// Ages of a survey. An older one is renewed in the background, unless its image is gone.
const (
	offerAge = 15 * time.Minute
	// tokenAge is how long the token for the download from a GitHub Enterprise Server is used.
	tokenAge = 5 * time.Minute
)

// offers keep the newest survey of a set's images, types, zones and software.
type offers struct {
	settings *settings
	cloud    *ec2.Client
	software *software
	log      *slog.Logger
	work     *sync.WaitGroup

	mu       sync.Mutex
	newest   *offer // nil where the next launch is to make one
	isUnread bool   // the machine that the file has now was never surveyed
}

// get returns the newest survey. One that is old is made anew beside the launch.
func (o *offers) get(ctx context.Context) (offer, error) {
	o.mu.Lock()
	found := o.newest
	stale := found != nil && time.Since(found.at) > offerAge
	expired := found != nil && found.software.Token != "" && time.Since(found.at) > tokenAge
	if found == nil || expired {
		o.mu.Unlock()
		return o.survey(ctx)
	}
	defer o.mu.Unlock()
	if stale && !found.renewing {
		found.renewing = true
		o.work.Go(func() {
			o.prepare(ctx)
			o.mu.Lock()
			defer o.mu.Unlock()
			found.renewing = false
		})
	}
	return *found, nil
}

// known returns the newest survey without making one.
func (o *offers) known() (found offer, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.newest == nil {
		return offer{}, false
	}
	return *o.newest, true
}

// prepare makes a survey before a launch needs it.
func (o *offers) prepare(ctx context.Context) {
	if _, err := o.survey(ctx); err != nil && ctx.Err() == nil {
		o.log.Warn("images and types cannot be read", "error", err.Error())
	}
}

// survey reads what the account says of the set's images, types and zones, and GitHub of the runner's software.
func (o *offers) survey(ctx context.Context) (offer, error) {
	warn := func(message string) { o.log.Warn(message) }
	reader := survey.Survey{Cloud: o.cloud, Log: o.log, Warn: warn, WebURL: o.software.signIn.URL}
	wanted := o.settings.now().Machine
	found, err := reader.Read(ctx, []survey.Group{{Machine: wanted}})
	if err != nil {
		return offer{}, err
	}
	software, err := o.software.get(ctx, wanted.RunnerVersion)
	if err != nil {
		return offer{}, err
	}
	made := offer{machine: wanted, offerings: found[0].Offerings, software: software, at: time.Now()}
	o.mu.Lock()
	defer o.mu.Unlock()
	if reflect.DeepEqual(wanted, o.settings.now().Machine) { // else the file was read again meanwhile
		o.newest = &made
	}
	return made, nil
}

// forget makes the next launch read images and types anew.
func (o *offers) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.newest = nil
}

// outdate forgets the survey because the file has another machine now. Warm machines of the old kind are only ended
// once the new one was surveyed, so that does not wait for a launch.
func (o *offers) outdate() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.newest, o.isUnread = nil, true
}

// readOutdated makes a survey if the file has changed since the last one.
func (o *offers) readOutdated(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.isUnread {
		o.isUnread = false
		o.work.Go(func() { o.prepare(ctx) })
	}
}

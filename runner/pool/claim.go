package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Limits of the delay that searching for a warm machine may cause to a start that then launches a cold one.
const (
	maxClaims    = 3 // per slot
	claimTimeout = 4 * time.Second
)

// claimState is how far a claim has come.
type claimState int

const (
	claimNone       claimState = iota // the entry is not ours
	claimUnclear                      // the registration's answer was lost
	claimRegistered                   // the registration is ours, the entry is unchanged
	claimTagged                       // the entry's tags are, or may be, changed
	claimStarting                     // the machine may have been started
	claimComplete                     // the machine is ours
)

// warmClaim is an attempt to claim one entry for one slot. Once complete, it is the slot's machine.
type warmClaim struct {
	of           *claims
	log          *slog.Logger // of the phase that made the claim; it may be freed in a later one
	slot         *runner.Slot
	entry        ec2.Instance
	at           time.Time     // of the registration
	asked        time.Time     // when EC2 was asked to start it
	startedAfter time.Duration // when EC2 confirmed that, since the start's begin
	jit          string
	id           int64
	before       string // the entry's earlier nonce
	index        int    // in the journal

	freeing chan struct{} // a semaphore of one: who undoes the claim
	mu      sync.Mutex
	current claimState
}

// claims are the claims of one start, or of a shrinking pool.
type claims struct {
	st       *runner.Start
	pool     string
	mu       sync.Mutex
	entries  []ec2.Instance
	reserved map[string]bool // reserved by a slot of this start
	denied   bool            // whether a missing permission was reported
	list     []*warmClaim
	journal  []post.Claim
	undoing  sync.WaitGroup // failed claims
}

// Machines selects the warm machines of a pool: a start claims them for its slots and launches the rest.
type Machines struct{ Pool string }

// Begin implements runner.Source.
func (m Machines) Begin(st *runner.Start) runner.Supply {
	cl := newClaims(st, m.Pool)
	return runner.Supply{
		Steps: []runner.Step{{Phase: "claim", Title: "Claim warm machines", Run: cl.claimAll}}, Clear: cl.clear,
	}
}

func newClaims(st *runner.Start, pool string) *claims {
	return &claims{st: st, pool: pool, reserved: map[string]bool{}}
}

// reserve reserves an entry for one slot of this start and reports whether it was free.
func (cl *claims) reserve(id string) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.reserved[id] {
		return false
	}
	cl.reserved[id] = true
	return true
}

func (cl *claims) isDenied() bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.denied
}

func (cl *claims) newClaim(log *slog.Logger, s *runner.Slot, entry ec2.Instance) *warmClaim {
	c := &warmClaim{of: cl, log: log, slot: s, entry: entry, freeing: make(chan struct{}, 1)}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	c.index = len(cl.list)
	cl.list = append(cl.list, c)
	cl.journal = append(cl.journal, post.Claim{InstanceID: entry.ID, Region: entry.Region})
	return c
}

// note writes the claim to the journal.
func (c *warmClaim) note(starting bool) error {
	cl := c.of
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.journal[c.index].RunnerID, cl.journal[c.index].Starting = c.id, starting
	return cl.st.Journal.Claiming(slices.Clone(cl.journal))
}

func (c *warmClaim) setState(h claimState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = h
}

func (c *warmClaim) state() claimState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// run claims the entry and reports whether it did. The registration under the entry's name is the lock. EC2 changes
// user data of stopped machines only, so a claim of an entry that is already running ends before it changes anything
// else. The answer of StartInstances shows whether the machine was stopped until then. If ctx ends, the claim is undone
// as far as it got.
func (c *warmClaim) run(ctx context.Context) bool {
	for _, step := range []struct {
		permission string
		run        func(context.Context) error
	}{
		{"", c.register},
		{"ec2:ModifyInstanceAttribute", c.setUserData},
		{"ec2:ModifyInstanceAttribute", c.setShutdownBehavior},
		{"ec2:CreateTags", c.tag},
		{"ec2:StartInstances", c.start},
	} {
		if err := step.run(ctx); err != nil {
			c.handleMiss(ctx, step.permission, err)
			return false
		}
	}
	c.setState(claimComplete)
	c.assign()
	return true
}

func (c *warmClaim) register(ctx context.Context) error {
	if err := c.note(false); err != nil {
		return err
	}
	name := tags.EntryName(c.entry.ID)
	var labels []string
	if c.of.st.Request.DefaultLabels {
		labels = []string{"self-hosted", "Linux", architectureOf(c.entry)}
	}
	labels = slices.Concat(labels, []string{c.slot.RunnerLabel()}, c.of.st.Request.Labels)
	c.at = time.Now()
	config, err := c.of.st.Registry.JITConfigOnce(ctx, github.JITRequest{Name: name,
		GroupID: c.of.st.Request.GroupID,
		Labels:  labels})
	if github.ClassOf(err) == github.Unknown {
		c.setState(claimUnclear)
	}
	if err != nil {
		return err
	}
	c.of.st.Journal.Secret(config.Encoded)
	c.id, c.jit = config.RunnerID, config.Encoded
	c.setState(claimRegistered)
	return c.note(false)
}

func architectureOf(i ec2.Instance) string {
	if i.Architecture == "arm64" {
		return "ARM64"
	}
	return "X64"
}

// setUserData gives the entry the user data of this start. The machine completes whatever its warm-up did not.
func (c *warmClaim) setUserData(ctx context.Context) error {
	data, err := c.slot.UserData(tags.EntryName(c.entry.ID), c.jit)
	if err != nil {
		return fmt.Errorf("build user data: %w", err)
	}
	return c.of.st.Cloud.SetUserData(ctx, c.entry.Region, c.entry.ID, data)
}

// setShutdownBehavior makes EC2 terminate the machine when it powers itself off.
func (c *warmClaim) setShutdownBehavior(ctx context.Context) error {
	return c.of.st.Cloud.SetShutdownBehavior(ctx, c.entry.Region, c.entry.ID)
}

// tag tags the entry as a machine of this start, and with the user's tags.
func (c *warmClaim) tag(ctx context.Context) error {
	c.setState(claimTagged)
	c.before = c.entry.Tags[key.Nonce]
	values := c.tags()
	if err := c.of.st.Cloud.Tag(ctx, c.entry.Region, c.entry.ID, values); err != nil {
		return err
	}
	c.entry.Tags = maps.Clone(c.entry.Tags) // other slots share the map
	maps.Copy(c.entry.Tags, values)
	return nil
}

func (c *warmClaim) tags() map[string]string {
	values := map[string]string{}
	for _, tag := range c.slot.Wanted().Tags {
		if c.entry.Tags[tag.Key] != tag.Value {
			values[tag.Key] = tag.Value
		}
	}
	var expires time.Time
	if c.of.st.Request.MaxLifetime > 0 {
		expires = c.of.st.Begun.Add(c.of.st.Request.MaxLifetime)
	}
	due := time.Now().Add(c.of.st.Request.Waiting.RegistrationTimeout())
	maps.Copy(values, c.of.st.Identity.Tags(c.slot.Index(), c.slot.RunnerLabel(), tags.EntryName(c.entry.ID), c.id,
		due, expires))
	if c.slot.Wanted().JobReport {
		values[key.JobReport] = "true"
	}
	for name, value := range c.slot.StayTags() {
		if value != c.entry.Tags[name] {
			values[name] = value
		}
	}
	values[key.ClaimedAt], values[key.ClaimedFrom] = tags.Stamp(time.Now()), tags.Stamp(c.entry.LaunchTime)
	if c.entry.Tags[key.SuspectSince] != "" {
		values[key.SuspectSince] = ""
	}
	return values
}

// errStarted means that the entry was not stopped any more.
var errStarted = errors.New("somebody else has started it")

// start starts the machine. After a lost answer it is unclear who started it; but it boots our user data with our
// registration, so it is ours if its tags still say so.
func (c *warmClaim) start(ctx context.Context) error {
	if err := c.note(true); err != nil {
		return err
	}
	c.setState(claimStarting)
	c.asked = time.Now()
	previous, err := c.startInstance(ctx)
	switch {
	case err != nil:
		if refusal.ClassOf(err) != refusal.Unknown {
			c.setState(claimTagged) // EC2 refused it, or was not asked
		}
		return err
	case previous == ec2.PreviousUnclear:
		if err := c.checkTags(ctx); err != nil {
			return err
		}
	case previous != ec2.Stopped:
		c.setState(claimRegistered) // without a registration the machine terminates itself
		return errStarted
	}
	c.startedAfter = c.of.st.Since()
	return nil
}

// startInstance asks EC2 to start the machine, and returns when ctx ends: a machine that starts later is terminated.
func (c *warmClaim) startInstance(ctx context.Context) (previous string, err error) {
	type answer struct {
		previous string
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		previous, err := c.of.st.Cloud.Start(ctx, c.entry.Region, c.entry.ID)
		answers <- answer{previous, err}
	}()
	select {
	case a := <-answers:
		return a.previous, a.err
	case <-ctx.Done():
		return "", &refusal.CallError{Operation: "start instance " + c.entry.ID, Message: "no answer in time",
			Err: ctx.Err()}
	}
}

// checkTags returns errStarted if the entry belongs to another start. Its registration, which GitHub grants once, keeps
// other starts away, and no sweep frees a claim this young, so only a nonce that is neither ours nor the earlier one is
// another's: EC2 may show the earlier one for seconds. If EC2 does not answer, the machine may be ours, and endIfOurs
// decides.
func (c *warmClaim) checkTags(ctx context.Context) error {
	instance, err := c.of.st.Cloud.Instance(ctx, c.entry.Region, c.entry.ID)
	if nonce := instance.Tags[key.Nonce]; err == nil && nonce != c.of.st.Identity.Nonce && nonce != c.before {
		c.setState(claimRegistered)
		return errStarted
	}
	return err
}

// assign makes the machine the slot's and writes its hand-off.
func (c *warmClaim) assign() {
	i := c.entry
	i.State = ec2.Pending
	c.log.Info(fmt.Sprintf("Successfully started warm AWS EC2 instance %s of pool %s in region %s", i.ID, c.of.pool,
		i.Region))
	c.of.st.HandOver(c.slot, c, i, post.Registration{Name: tags.EntryName(i.ID), ID: c.id},
		runner.Timeline{Registered: c.asked.Sub(c.of.st.Begun), Launched: c.startedAfter})
}

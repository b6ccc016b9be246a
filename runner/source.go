package runner

import (
	"context"
	"log/slog"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Machine is what a slot's runner runs on. There are three kinds: a cold one is launched for the slot, a warm one is
// claimed from a pool (package pool), and a kept one is the user's own, which is only started and stopped (package
// existing).
type Machine interface {
	// Kind is Cold, Warm or Kept.
	Kind() Kind
	// Judge returns why the runner cannot come online any more, by how EC2 shows the instance now; nil where EC2 does
	// not list it.
	Judge(ctx context.Context, shown *ec2.Instance) error
	// Overdue returns an error when the time to come online is over.
	Overdue() error
	// Replace frees the slot for another machine, or returns why the slot is given up after cause.
	Replace(ctx context.Context, cause error) error
	// End ends the machine's use in a roll-back, and names what is left.
	End(ctx context.Context, r *remove.Remover) (left []string)
}

// Kind tells where a slot's machine comes from.
type Kind string

// The kinds of machines.
const (
	Cold Kind = ""
	Warm Kind = "warm"
	Kept Kind = tags.ModeExisting
)

// Source is where a start finds machines before it launches any.
type Source interface {
	// Begin returns what a start does with them. A slot without a machine after its steps is launched cold.
	Begin(st *Start) Supply
}

// Supply is what a start does with machines that it does not launch. Each function may be nil.
type Supply struct {
	Steps []Step // before anything is registered
	// Match looks for the runners of slots without a name among all runners of the scope. Where it is set, the start
	// gives its runners no names.
	Match func(ctx context.Context, all []github.Runner, unnamed []*Slot, again Relook)
	// Settle notes what is known only when the runners are online.
	Settle func(ctx context.Context)
	// Clear undoes what came to nothing, and names what is left.
	Clear func(ctx context.Context, r *remove.Remover, cloud *ec2.Client) (left []string)
}

// Relook looks at EC2 at once, and returns the slots whose runners are still to come.
type Relook func(context.Context) []*Slot

// Start is one start under way, as its source sees it.
type Start struct{ st *start }

// Slot is one runner of a start.
type Slot = slot

// Starter returns the clients and the journal of the start.
func (w *Start) Starter() *Starter { return w.st.Starter }

// Log returns the log of the step under way.
func (w *Start) Log() *slog.Logger { return w.st.log }

// Request returns what is to be started.
func (w *Start) Request() StartRequest { return w.st.request }

// Identity returns what makes the start's machines recognisable.
func (w *Start) Identity() tags.Identity { return w.st.identity }

// Since returns how long ago the start began.
func (w *Start) Since() time.Duration { return w.st.since() }

// Slots returns all slots, those that are given up too.
func (w *Start) Slots() []*Slot { return w.st.slots }

// Each runs f for all slots that are not given up, side by side. An error gives the slot up.
func (w *Start) Each(f func(*Slot) error) error { return w.st.each(f) }

// Warn says something that the user should know and that does not stop the start.
func (w *Start) Warn(message string) { w.st.warn(message) }

// Complain warns once of what goes on for longer.
func (w *Start) Complain(message string, err error) { w.st.complain(message, err) }

// Blind reports whether EC2 may not be looked at.
func (w *Start) Blind() bool { return w.st.blind }

// NoteRate remembers how much of GitHub's limit is used before the start waits.
func (w *Start) NoteRate() { w.st.rate = w.st.Registry.Rate() }

// Online notes that a slot's runner, of which nothing else is known, is online.
func (w *Start) Online(s *Slot, runner github.Runner) { w.st.seen(s, runner, true) }

// JudgeState returns, as an error, that a slot's instance is about to end, and notes when it runs.
func (w *Start) JudgeState(s *Slot) error { return w.st.judgeState(s) }

// OverdueAfter returns exceeded where a slot's time is over.
func (w *Start) OverdueAfter(s *Slot, exceeded error) error { return w.st.overdueAfter(s, exceeded) }

// Label is the label that tells the slot's runner from others.
func (s *slot) RunnerLabel() string { return s.label }

// Index returns the slot's number among all slots.
func (s *slot) Index() int { return s.index }

// RunnerName returns the name of the slot's runner; "" where it is not known.
func (s *slot) RunnerName() string { return s.name }

// RunnerID returns the id of the slot's runner; 0 where it is not known.
func (s *slot) RunnerID() int64 { return s.runnerID }

// SetRunner notes which runner the slot has. Where stale, GitHub called it online before its machine was started.
func (s *slot) SetRunner(name string, id int64, stale bool) {
	s.name, s.runnerID, s.stale = name, id, stale
}

// Instance returns the slot's instance, as it was shown last.
func (s *slot) Instance() ec2.Instance { return s.instance }

// Show notes how the slot's instance is now.
func (s *slot) Show(i ec2.Instance) { s.instance = i }

// Machine returns what the slot's runner runs on.
func (s *slot) Machine() Machine { return s.machine }

// Take gives the slot a machine. Free takes it back.
func (s *slot) Take(m Machine, i ec2.Instance) { s.machine, s.instance = m, i }

// Free lets the slot be launched cold.
func (s *slot) Free() { s.machine, s.instance = launched{s.unit.start, s}, ec2.Instance{} }

// Timeline returns when the slot's runner reached each phase.
func (s *slot) Timeline() *Timeline { return &s.timeline }

// Running returns for how long the slot's machine has been running.
func (w *Start) Running(s *Slot) time.Duration { return w.st.running(s) }

// Handoff is what the start gives to a stop.
func (s *slot) Handoff() tags.Handoff { return s.handoff() }

// Times of an instance that is started.
const (
	StartDelay = 10 * time.Second // for so long EC2 may show it as stopped although it is being started
	StaleGrace = 45 * time.Second // for so long GitHub may call its runner online although it was stopped before
)

// Begun returns when the start began.
func (w *Start) Begun() time.Time { return w.st.begun }

// Regions lists the regions of all placements.
func (w *Start) Regions() []string { return w.st.regions() }

// ChooseGroup completes the runner group of the request.
func (w *Start) ChooseGroup(ctx context.Context) error { return w.st.chooseGroup(ctx) }

// GroupKey names the runner group as the inputs do.
func (w *Start) GroupKey() string { return w.st.groupKey }

// WarnIn is Warn for what may go on in later steps than the log's.
func (w *Start) WarnIn(log *slog.Logger, message string) { w.st.warnIn(log, message) }

// JudgeLaunched judges a machine that the start has started and that ends with its job.
func (w *Start) JudgeLaunched(ctx context.Context, s *Slot, shown *ec2.Instance) error {
	return w.st.judgeLaunched(ctx, s, shown)
}

// NotEnded names a machine that could not be terminated.
func (w *Start) NotEnded(s *Slot, err error) (left []string) { return w.st.notEnded(s, err) }

// HandOver gives a slot a machine with the registration that was made for it, and hands it over.
func (w *Start) HandOver(s *Slot, m Machine, i ec2.Instance, made post.Registration, phases Timeline) {
	w.st.mu.Lock()
	s.machine, s.instance = m, i
	s.name, s.runnerID, s.registering, s.timeline = made.Name, made.ID, true, phases
	w.st.mu.Unlock()
	if err := w.st.Journal.Launched(s.handoff()); err != nil {
		w.st.giveUp(err, s)
	}
}

// Renew lets a slot begin anew as a cold one, with its own name and without a registration.
func (w *Start) Renew(s *Slot) {
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	s.machine = launched{w.st, s}
	s.instance, s.runnerID, s.jit, s.registering, s.console = ec2.Instance{}, 0, "", false, ""
	s.name, s.timeline = s.coldName(s.index-s.slots[0].index), Timeline{}
}

// Key returns the slot's name in the output `runners`.
func (s *slot) Key() string { return s.key() }

// UserData returns what a machine that is there already needs to become the slot's runner by a JIT configuration.
func (s *slot) UserData(name, jit string) ([]byte, error) {
	return s.spec(s.unit.request, registration{name: name, jit: jit}, survey.Software{}).UserData()
}

// Tags returns the user's tags of the slot's machine.
func (s *slot) UserTags() []machine.Tag { return s.Tags }

// Fingerprints returns those of all machines, on-demand, that may serve the slot.
func (s *slot) Fingerprints() map[string]bool { return s.unit.fingerprints(s.group) }

// Begin begins a start whose steps the caller takes.
func (s *Starter) Begin(request StartRequest) *Start { return &Start{s.begin(request)} }

// Enter names the step that begins now.
func (w *Start) Enter(title string) { w.st.log = w.st.Log.With("phase", title) }

// Prepare reads what can be launched, and what GitHub offers to download. All regions must answer: whose images cannot
// be read, its entries cannot be judged.
func (w *Start) Prepare(ctx context.Context) error {
	w.st.everyRegion = true
	err := w.st.readAccount(ctx)
	if err == nil {
		w.st.offered, err = w.st.downloads().Find(ctx, w.st.log)
	}
	return err
}

// OfferedVersion returns the runner version that GitHub offers; empty where it is not known.
func (w *Start) OfferedVersion() string { return w.st.offered.Version() }

// Offerings returns what to ask for to launch the first group.
func (w *Start) Offerings() []ec2.Offering { return w.st.groups[0].found.Offerings }

// Placements returns those of the first group, with what the images say.
func (w *Start) Placements() []machine.Placement { return w.st.groups[0].found.Placements }

// Image returns the image of a placement, as far as it could be read.
func (w *Start) Image(p machine.Placement) ec2.Image {
	return w.st.groups[0].found.Image(p)
}

// Spec returns what a machine of the first group needs to know, without a registration.
func (w *Start) Spec() bootstrap.Spec {
	return w.st.groups[0].spec(w.st.request, registration{}, w.st.offered)
}

// Fingerprint is a hash of what a machine of the first group is launched with.
func (w *Start) Fingerprint(o ec2.Offering) string { return w.st.fingerprint(w.st.groups[0], o) }

// Attempt returns what one call to launch asked for, and its answer.
func (w *Start) Attempt(a ec2.Attempt) Attempt { return w.st.attempt(a) }

// Refusal returns why a call launched nothing.
func (w *Start) Refusal(a ec2.Attempt) string { return w.st.refusal(a) }

// Warnings returns what was warned of so far.
func (w *Start) Warnings() []string { return w.st.warnings }

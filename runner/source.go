package runner

import (
	"context"
	"log/slog"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// Machine is what a slot's runner runs on. There are three kinds: a cold one is launched for the slot, a warm one is
// claimed from a pool (package pool), and a kept one belongs to the user and is only started and stopped (package
// existing).
type Machine interface {
	// Kind is Cold, Warm or Kept.
	Kind() Kind
	// Judge returns why the runner cannot come online any more, given the instance as EC2 describes it; shown is nil if
	// EC2 does not list it.
	Judge(ctx context.Context, log *slog.Logger, shown *ec2.Instance) error
	// Overdue returns an error once the time to come online is over.
	Overdue() error
	// Replace frees the slot for another machine, or returns why the slot is given up after cause.
	Replace(ctx context.Context, log *slog.Logger, cause error) error
	// End ends the use of the machine in a roll-back, and returns what is left.
	End(ctx context.Context, r *remove.Remover) (left []string)
}

// Kind says where a slot's machine comes from.
type Kind string

// The kinds of machines.
const (
	Cold Kind = ""
	Warm Kind = "warm"
	Kept Kind = tags.ModeExisting
)

// Source provides machines that a start uses before it launches any.
type Source interface {
	// Begin returns what a start does with them. A slot without a machine after these steps is launched cold.
	Begin(st *Start) Supply
}

// Supply is what a start does with machines that it does not launch. Each function may be nil.
type Supply struct {
	Steps []Step // before anything is registered
	// Match finds the runners of slots without a name among all runners of the scope. If it is set, the start gives its
	// runners no names.
	Match func(ctx context.Context, log *slog.Logger, all []github.Runner, unnamed []*Slot, again Relook)
	// Settle records what is known only once the runners are online.
	Settle func(ctx context.Context, log *slog.Logger)
	// Clear undoes what has failed, and returns what is left.
	Clear func(ctx context.Context, r *remove.Remover) (left []string)
}

// Relook describes the instances at once, and returns the slots whose runners are not online.
type Relook func(context.Context) []*Slot

// Delays after an instance was started.
const (
	StartDelay = 10 * time.Second // how long EC2 may still show it as stopped
	StaleGrace = 45 * time.Second // how long GitHub may still report the runner of a stopped machine as online
)

// Slots returns all slots, including those that are given up.
func (st *Start) Slots() []*Slot { return st.slots }

// NoteRate records how much of GitHub's limit is used before the start waits.
func (st *Start) NoteRate() { st.rate = st.Registry.Rate() }

// ChooseGroup completes the runner group of the request.
func (st *Start) ChooseGroup(ctx context.Context, log *slog.Logger) error {
	return registrar{st, log}.chooseGroup(ctx)
}

// HandOver gives a slot a machine with the registration that was made for it, and writes the hand-off.
func (st *Start) HandOver(s *Slot, m Machine, i ec2.Instance, made post.Registration, phases Timeline) {
	st.mu.Lock()
	s.machine, s.instance = m, i
	s.name, s.runnerID, s.registering, s.timeline = made.Name, made.ID, true, phases
	st.mu.Unlock()
	if err := st.Journal.Launched(s.Handoff()); err != nil {
		st.giveUp(err, s)
	}
}

// ResetSlot makes a slot a cold one again, with its own name and without a registration.
func (st *Start) ResetSlot(s *Slot) {
	st.mu.Lock()
	defer st.mu.Unlock()
	s.machine = launched{st, s}
	s.instance, s.runnerID, s.jit, s.registering, s.console = ec2.Instance{}, 0, "", false, ""
	s.name, s.timeline = s.group.coldName(s.index-s.group.slots[0].index), Timeline{}
}

// Wanted returns the slot's group as requested.
func (s *Slot) Wanted() Group { return s.group.Group }

// RunnerLabel returns the label that identifies the slot's runner.
func (s *Slot) RunnerLabel() string { return s.group.label }

// Index returns the slot's number among all slots.
func (s *Slot) Index() int { return s.index }

// RunnerName returns the name of the slot's runner; "" if unknown.
func (s *Slot) RunnerName() string { return s.name }

// RunnerID returns the id of the slot's runner; 0 if unknown.
func (s *Slot) RunnerID() int64 { return s.runnerID }

// SetRunner records which runner the slot has. stale means that GitHub reported it as online before its machine was
// started.
func (s *Slot) SetRunner(name string, id int64, stale bool) {
	s.name, s.runnerID, s.stale = name, id, stale
}

// Instance returns the slot's instance as last described.
func (s *Slot) Instance() ec2.Instance { return s.instance }

// SetInstance replaces the description of the slot's instance.
func (s *Slot) SetInstance(i ec2.Instance) { s.instance = i }

// Machine returns what the slot's runner runs on.
func (s *Slot) Machine() Machine { return s.machine }

// Assign gives the slot a machine. Release undoes it.
func (s *Slot) Assign(m Machine, i ec2.Instance) { s.machine, s.instance = m, i }

// Release lets the slot be launched cold.
func (s *Slot) Release() { s.machine, s.instance = launched{s.unit.st, s}, ec2.Instance{} }

// Timeline returns when the slot's runner reached each phase.
func (s *Slot) Timeline() *Timeline { return &s.timeline }

// StayTags returns the tags that say how long the slot's machine stays once its runner has ended, empty ones too.
func (s *Slot) StayTags() map[string]string { return s.unit.st.Request.stayTags(s.group.Group.Machine) }

// UserData returns the user data with which an already launched machine becomes the slot's runner by a JIT
// configuration.
func (s *Slot) UserData(name, jit string) ([]byte, error) {
	return s.group.spec(s.unit.st.Request, registration{name: name, jit: jit}, survey.Software{}).UserData()
}

// Fingerprints returns those of all on-demand machines that may serve the slot.
func (s *Slot) Fingerprints() map[string]bool { return s.unit.st.fingerprints(s.group) }

// Prepare reads what can be launched, and what GitHub offers to download. All regions must answer: entries whose images
// cannot be read cannot be judged.
func (st *Start) Prepare(ctx context.Context, log *slog.Logger) error {
	r := registrar{st, log}
	err := r.readAccount(ctx, true)
	if err == nil {
		st.offered, err = r.downloads().Find(ctx, log)
	}
	return err
}

// Offered returns what GitHub offers to download.
func (st *Start) Offered() survey.Software { return st.offered }

// Found returns what the survey found about the first group.
func (st *Start) Found() *survey.Found { return &st.groups[0].found }

// Spec returns the boot parameters of a machine of the first group, without a registration.
func (st *Start) Spec() bootstrap.Spec {
	return st.groups[0].spec(st.Request, registration{}, st.offered)
}

// Warnings returns the warnings so far.
func (st *Start) Warnings() []string { return st.warnings }

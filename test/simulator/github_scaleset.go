package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ScaleSets configures GitHub's scale-set service: the service behind github.com/actions/scaleset, which is in
// public preview and whose protocol is documented by that client's source only.
type ScaleSets struct {
	// Missing is an Enterprise Server without scale sets: "registration" answers 404 to the exchange of the token,
	// "endpoint" to all that comes after. Scale sets need GHES 3.9:
	// https://github.com/actions/actions-runner-controller/issues/3070
	Missing string `yaml:"missing"`
	// TokenLifetime is how long the admin token lives, QueueTokenLifetime how long a session's token for its message
	// queue does: an hour, not divided by Config.Speed. "The listener for that org died every ~50 minutes", on the
	// token's cycle: https://github.com/actions/scaleset/pull/123
	TokenLifetime      time.Duration `yaml:"token-lifetime"`
	QueueTokenLifetime time.Duration `yaml:"queue-token-lifetime"`
	// SessionLapse is how long a session lives on that nobody polls. GitHub has published no number, and there are
	// reports of long loops of 409: https://github.com/actions/actions-runner-controller/issues/3922. Default 10m.
	SessionLapse time.Duration `yaml:"session-lapse"`
	// Acquire makes jobs wait until the listener acquires them, as an Enterprise Server does: "Jobs that match the tag
	// just sit in available indefinitely" (https://github.com/actions/scaleset/issues/75). github.com assigns them by
	// itself.
	Acquire bool `yaml:"acquire"`
	// NamesOwner makes the refusal of a second session name the owner of the first, as GitHub's did for a while:
	// https://github.com/actions/actions-runner-controller/issues/3351
	NamesOwner bool `yaml:"names-owner"`
	// Foreign are sets of others that exist from the beginning.
	Foreign []ScaleSetSeed `yaml:"foreign"`
	// OneLabel silently drops all labels but the name, as GHES before 3.21 does (README of actions/scaleset,
	// "Multiple labels per scale set").
	OneLabel bool `yaml:"one-label"`
	// RefusedLabels are refused with the whole set: 400, as GitHub refuses an input that it does not take. Which labels
	// GitHub refuses is not published.
	RefusedLabels []string `yaml:"refused-labels"`
	// Reassign is how long an assigned job waits for a runner before it is assigned anew: 5m. GitHub's own trace of a
	// job without a runner has three assignments, five minutes apart:
	// https://github.com/actions/actions-runner-controller/issues/4602
	Reassign time.Duration `yaml:"reassign"`
	// LooksIdle makes GitHub's lists say of a runner at work that it is idle, for as long as its job runs, as was seen:
	// https://github.com/actions/runner/issues/4422. That its removal is then not refused either is assumed at its
	// worst.
	LooksIdle bool `yaml:"looks-idle"`
	// Redelivers gives a message that was not acknowledged again to who has seen it too: "Unless a message is deleted
	// after being processed (using DeleteMessage), it will be returned again in subsequent calls" (session_client.go of
	// actions/scaleset, GetMessage). That lastMessageId does not prevent it is assumed at its worst.
	Redelivers bool `yaml:"redelivers"`
	// StatisticsDelay is how old the statistics are that messages and sessions have, by default not at all. Messages
	// with an assigned job and totalAssignedJobs 0 were seen:
	// https://github.com/actions/actions-runner-controller/issues/3420
	StatisticsDelay time.Duration `yaml:"statistics-delay"`
}

// ScaleSetSeed is a set that others have created.
type ScaleSetSeed struct {
	Scope  string   `yaml:"scope"` // default Config.ForeignScope
	Name   string   `yaml:"name"`
	Labels []string `yaml:"labels"` // default the name
	// Owner holds its session for ever; "" for a set without a session.
	Owner string `yaml:"owner"`
}

func (s *ScaleSets) fill() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&s.TokenLifetime, time.Hour}, {&s.QueueTokenLifetime, time.Hour}, {&s.SessionLapse, 10 * time.Minute},
		{&s.Reassign, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// scaleSet is one runner scale set.
type scaleSet struct {
	hub           *hub
	id            int
	scope         *scope
	name          string
	group         int64
	labels        []string
	disableUpdate bool
	created       time.Time
	gone          bool
	original      string // of a foreign one: what nobody but its owner may change

	session *session
	// capacity is the one of the listener's latest poll.
	capacity int
	queue    messageQueue
	runners  []*runner
	jobs     []*job // assigned and running ones, in the order of their assignment
	past     []count
	// changed is closed and replaced when a poll may have an answer.
	changed chan struct{}
}

// wake makes the set's polls look again.
func (s *scaleSet) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// setLabels sets the labels that the service keeps.
func (s *scaleSet) setLabels(labels []string) {
	if len(labels) == 0 || s.hub.w.cfg.ScaleSets.OneLabel {
		labels = []string{s.name}
	}
	s.labels = slices.Clone(labels)
}

// ownerState returns the state of a set that only its owner may change.
func (s *scaleSet) ownerState() string {
	return fmt.Sprint(s.gone, s.name, s.group, s.labels, s.disableUpdate, s.session != nil)
}

// seedSets creates the sets of others.
func (h *hub) seedSets() {
	for _, seed := range h.w.cfg.ScaleSets.Foreign {
		s := h.newSet(h.scope(orText(seed.Scope, h.w.cfg.ForeignScope)), seed.Name)
		s.setLabels(seed.Labels)
		if seed.Owner != "" {
			s.session = &session{id: "0e0f1a2b-3c4d-4e5f-a607-182930415263", owner: seed.Owner,
				seen: h.w.now.AddDate(100, 0, 0)}
		}
		s.original = s.ownerState()
		h.foreignSets = append(h.foreignSets, s)
	}
}

// newSet creates a set in the default group.
func (h *hub) newSet(scope *scope, name string) *scaleSet {
	h.lastSet++
	s := &scaleSet{hub: h, id: h.lastSet, scope: scope, name: name, group: 1, created: h.clock(),
		changed: make(chan struct{})}
	s.queue.lastID, s.queue.redelivers = firstMessage, h.w.cfg.ScaleSets.Redelivers
	h.sets = append(h.sets, s)
	return s
}

// matches reports whether the set has all labels.
func (s *scaleSet) matches(labels []string) bool {
	for _, l := range labels {
		if !slices.ContainsFunc(s.labels, func(own string) bool { return strings.EqualFold(own, l) }) {
			return false
		}
	}
	return true
}

// serves reports whether jobs of a repository come to the set: those of its own repository, of its organization's, or,
// for an enterprise, of all.
func (s *scaleSet) serves(repository string) bool {
	if strings.HasPrefix(s.scope.name, "enterprises/") || strings.EqualFold(s.scope.name, repository) {
		return true
	}
	owner, _ := ownerAndName(repository)
	return strings.EqualFold(s.scope.name, owner)
}

// actionsCall is one call to the scale-set service under way, with the world locked.
type actionsCall struct {
	*hub
	x      *exchange
	req    *http.Request
	body   []byte
	base   string // the address of the service, with a slash at its end
	params map[string]string
	scope  *scope
	set    *scaleSet
	// session is that of a call to the message queue; admitted is set once the token of its poll was checked.
	session  *session
	admitted bool
}

// GitHub's host for scale sets, from a log in https://github.com/actions/scaleset/issues/75, and the path of the
// service at GitHub and on an Enterprise Server.
const (
	actionsHost   = "broker.actions.githubusercontent.com"
	actionsBase   = "/rest/"
	actionsOnGHES = "/_services/pipelines/"
)

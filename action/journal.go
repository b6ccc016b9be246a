package action

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// The states that the main step saves for its post step, which reads them as STATE_<name>. Each registration, token,
// image and claim is a state of its own, numbered from 0, so that the amount written is linear in the number of
// runners.
const (
	stateNonce        = "nonce"
	stateLabel        = "label"
	stateScope        = "scope"
	stateRegistration = "registration-"
	stateToken        = "token-"
	stateImage        = "image-"
	stateTaken        = "taken-"
	stateClaim        = "claim-"
	stateDone         = "done"
)

// journal is what has been saved so far.
type journal struct {
	registrations []post.Registration
	tokens        int
	architectures []string // of a bake, in the order of the request
	images        []string // of a bake that were begun: architecture and region
	taken         int
	claims        []post.Claim
}

// askedToken is the client token of a RunInstances call.
type askedToken struct {
	Token  string `json:"token"`
	Region string `json:"region"`
}

// takenMachine is an existing machine that a start was about to use.
type takenMachine struct {
	InstanceID string `json:"ec2-instance-id"`
	Region     string `json:"region"`
}

func (o *output) saveState(key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("save state %s: %w", key, err)
	}
	o.action.SaveState(key, string(raw))
	return nil
}

// Begun implements runner.Journal: it records what stop and the post step need, before anything is created.
func (o *output) Begun(id tags.Identity) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id.Label != "" { // a pool has none
		o.set(outLabel, id.Label)
	}
	return errors.Join(o.saveState(stateNonce, id.Nonce), o.saveState(stateLabel, id.Label),
		o.saveState(stateScope, id.Scope))
}

// Registering implements runner.Journal: it records the registrations, before they are made.
func (o *output) Registering(made []post.Registration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, registration := range made {
		if i < len(o.journal.registrations) && o.journal.registrations[i] == registration {
			continue
		}
		if err := o.saveState(fmt.Sprintf("%s%d", stateRegistration, i), registration); err != nil {
			return err
		}
	}
	for i := len(made); i < len(o.journal.registrations); i++ { // dropped again: another start uses the name
		if err := o.saveState(fmt.Sprintf("%s%d", stateRegistration, i), post.Registration{}); err != nil {
			return err
		}
	}
	o.journal.registrations = append([]post.Registration(nil), made...)
	return nil
}

// Asking implements runner.Journal: it records a client token, before RunInstances is called with it.
func (o *output) Asking(token, region string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := fmt.Sprintf("%s%d", stateToken, o.journal.tokens)
	o.journal.tokens++
	return o.saveState(key, askedToken{token, region})
}

// Taking implements runner.Journal: it records an existing machine, before it is started.
func (o *output) Taking(instanceID, region string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := fmt.Sprintf("%s%d", stateTaken, o.journal.taken)
	o.journal.taken++
	return o.saveState(key, takenMachine{instanceID, region})
}

// Claiming implements runner.Journal: it records the warm machines that the start tries to claim.
func (o *output) Claiming(claims []post.Claim) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, claim := range claims {
		if i < len(o.journal.claims) && o.journal.claims[i] == claim {
			continue
		}
		if err := o.saveState(fmt.Sprintf("%s%d", stateClaim, i), claim); err != nil {
			return err
		}
	}
	o.journal.claims = claims
	return nil
}

// state is the content of a journal, as the post step reads it.
type state struct {
	nonce, label, scope string
	tokens              map[string][]string // by region
	made                []post.Registration
	begun               []ami.Begun         // images that may not be finished
	taken               map[string][]string // ids by region
	claims              []post.Claim
	done                bool
}

func readState(getenv func(string) string) (state, error) {
	s := state{tokens: map[string][]string{}, taken: map[string][]string{}}
	r := stateReader{getenv: getenv}
	for key, into := range map[string]any{stateNonce: &s.nonce, stateLabel: &s.label, stateScope: &s.scope,
		stateDone: &s.done} {
		r.read(key, into)
	}
	for _, made := range numbered[post.Registration](&r, stateRegistration) {
		if made.Name != "" {
			s.made = append(s.made, made)
		}
	}
	for _, asked := range numbered[askedToken](&r, stateToken) {
		if asked.Token != "" {
			s.tokens[asked.Region] = append(s.tokens[asked.Region], asked.Token)
		}
	}
	for _, image := range numbered[imageState](&r, stateImage) {
		if image.Architecture != "" && !image.Baked {
			s.begun = append(s.begun, image.Begun)
		}
	}
	for _, machine := range numbered[takenMachine](&r, stateTaken) {
		if machine.InstanceID != "" {
			s.taken[machine.Region] = append(s.taken[machine.Region], machine.InstanceID)
		}
	}
	for _, claim := range numbered[post.Claim](&r, stateClaim) {
		if claim.InstanceID != "" {
			s.claims = append(s.claims, claim)
		}
	}
	if r.err != nil {
		return state{}, r.err
	}
	return s, nil
}

// stateReader reads states. err is the first error.
type stateReader struct {
	getenv func(string) string
	err    error
}

// read unmarshals a state and reports whether there is one.
func (r *stateReader) read(key string, into any) (found bool) {
	text := r.getenv("STATE_" + key)
	if text == "" || r.err != nil {
		return false
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		r.err = fmt.Errorf("read state %s: %w", key, err)
	}
	return r.err == nil
}

// numbered reads the states of a prefix, numbered from 0 without a gap.
func numbered[T any](r *stateReader, prefix string) (list []T) {
	for {
		var value T
		if !r.read(fmt.Sprintf("%s%d", prefix, len(list)), &value) {
			return list
		}
		list = append(list, value)
	}
}

// nothingToDo reports whether the main step never began, or ended and left nothing behind.
func (s state) nothingToDo() bool { return s.nonce == "" || s.done }

func (s state) identity(run tags.Run) tags.Identity {
	return tags.Identity{Run: run, Scope: s.scope, Nonce: s.nonce, Label: s.label}
}

func (s state) request(what string, run tags.Run) post.Request {
	return post.Request{What: what, Identity: s.identity(run), Tokens: s.tokens, Made: s.made, Taken: s.taken,
		Claims: s.claims}
}

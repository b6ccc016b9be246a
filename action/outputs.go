package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/sethvargo/go-githubactions"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// The outputs.
const (
	outLabel      = "label"
	outInstanceID = "ec2-instance-id"
	outRegion     = "region"
)

// The states that a start leaves for its post step. GitHub hands them over as STATE_<name>.
const (
	stateNonce  = "nonce"
	stateLabel  = "label"
	stateScope  = "scope"
	stateTokens = "tokens"
	stateMade   = "registrations"
	stateDone   = "done"
)

// output is everything that the program says: log, outputs, states, masks and the job summary.
type output struct {
	action  *githubactions.Action
	getenv  func(string) string
	handler *handler
	log     *slog.Logger

	mu     sync.Mutex
	first  bool // an instance has been handed over
	tokens map[string][]string
}

// maskInputs makes GitHub hide the secrets that come from outside, before anything else is printed.
func (o *output) maskInputs() {
	for _, secret := range []string{
		strings.TrimSpace(o.getenv(inputEnv("github-token"))), o.getenv("AWS_SECRET_ACCESS_KEY"), o.getenv("AWS_SESSION_TOKEN"),
	} {
		o.Secret(secret)
	}
}

// Secret implements runner.Journal.
func (o *output) Secret(value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.Lines(value) { // a mask holds for one line
		if line = strings.TrimSpace(line); line != "" {
			o.action.AddMask(line)
		}
	}
}

// check makes sure that the files for outputs and states can be written: a start that could not tell what it launched
// would leave it behind.
func (o *output) check() error {
	invalid := &InvalidError{}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE"} {
		file, err := os.OpenFile(o.getenv(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the runner names it
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			invalid.add(fmt.Sprintf("%s=%q cannot be written: %v", name, o.getenv(name), err),
				"GitHub sets it for every step; outside of GitHub give it the path of a file")
		}
	}
	return invalid.orNil()
}

func (o *output) saveState(key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("save state %s: %w", key, err)
	}
	o.action.SaveState(key, string(raw))
	return nil
}

// Begun implements runner.Journal: what a later step and the post step need stands written before anything is created.
func (o *output) Begun(id runner.Identity) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.action.SetOutput(outLabel, id.Label)
	o.tokens = map[string][]string{}
	return errors.Join(
		o.saveState(stateNonce, id.Nonce), o.saveState(stateLabel, id.Label), o.saveState(stateScope, id.Scope))
}

// Registering implements runner.Journal.
func (o *output) Registering(made []runner.Registration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.saveState(stateMade, made)
}

// Asking implements runner.Journal.
func (o *output) Asking(token, region string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens[region] = append(o.tokens[region], token)
	return o.saveState(stateTokens, o.tokens)
}

// Launched implements runner.Journal: the outputs of the contract speak of the first runner.
func (o *output) Launched(h runner.Handoff) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.first {
		o.first = true
		o.action.SetOutput(outInstanceID, h.InstanceID)
		o.action.SetOutput(outRegion, h.Region)
	}
	return nil
}

// startDone says how a start ended. Only a start that left nothing behind tells the post step to do nothing.
func (o *output) startDone(result runner.StartResult, err error) {
	if err == nil || (result.Failure != nil && len(result.Failure.Left) == 0) {
		if err := o.saveState(stateDone, true); err != nil {
			o.log.Warn(err.Error())
		}
	}
	o.handler.closeGroup()
	o.tellFailure(result.Failure)
	o.summarize(startSummary(result))
}

// tellFailure prints what is known of a failed start beside its error: in the log, where somebody in trouble looks first.
func (o *output) tellFailure(failure *runner.Failure) {
	if failure == nil {
		return
	}
	if failure.State != "" {
		o.log.Info("EC2 says of the instance: " + failure.State)
	}
	for _, line := range failure.Said {
		o.log.Info("the machine says: " + line)
	}
	if len(failure.Console) > 0 {
		log := o.log.With("phase", "The last lines of the machine's console")
		for _, line := range failure.Console {
			log.Info("| " + line)
		}
		o.handler.closeGroup()
	}
	for _, left := range failure.Left {
		o.log.Warn("left behind: " + left)
	}
}

// summarize adds to the job summary, where there is one.
func (o *output) summarize(markdown string) {
	if markdown == "" || o.getenv("GITHUB_STEP_SUMMARY") == "" {
		return
	}
	defer func() {
		if cause := recover(); cause != nil { // a summary that cannot be written fails nothing
			o.log.Debug(fmt.Sprintf("the job summary cannot be written: %v", cause))
		}
	}()
	o.action.AddStepSummary(markdown)
}

// state is what the journal of a start tells its post step.
type state struct {
	nonce, label, scope string
	tokens              map[string][]string
	made                []runner.Registration
	done                bool
}

func readState(getenv func(string) string) (state, error) {
	var s state
	for _, field := range []struct {
		key  string
		into any
	}{
		{stateNonce, &s.nonce}, {stateLabel, &s.label}, {stateScope, &s.scope},
		{stateTokens, &s.tokens}, {stateMade, &s.made}, {stateDone, &s.done},
	} {
		text := getenv("STATE_" + field.key)
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), field.into); err != nil {
			return state{}, fmt.Errorf("read state %s: %w", field.key, err)
		}
	}
	return s, nil
}

// nothingToDo tells that the start never began, or came to its end and left nothing behind.
func (s state) nothingToDo() bool { return s.nonce == "" || s.done }

func (s state) request(run runner.Run) runner.PostRequest {
	return runner.PostRequest{
		Identity: runner.Identity{Run: run, Scope: s.scope, Nonce: s.nonce, Label: s.label},
		Tokens:   s.tokens, Made: s.made,
	}
}

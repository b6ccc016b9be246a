package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sethvargo/go-githubactions"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// The names of the outputs.
const (
	outLabel       = "label"
	outInstanceID  = "ec2-instance-id"
	outRegion      = "region"
	outRunners     = "runners"
	outLabels      = "labels"
	outInstanceIDs = "ec2-instance-ids"
	outInterrupted = "interrupted"
	outJobReports  = "job-reports"
	outSwept       = "swept"
	outReport      = "report"
	outImageID     = "ec2-image-id"
	outImages      = "images"
	outByRegion    = "images-by-region"
	outPool        = "pool"
)

// output writes everything that the program reports: log, outputs, states, masks and the job summary.
type output struct {
	action  *githubactions.Action
	getenv  func(string) string
	handler *handler
	log     *slog.Logger

	mu       sync.Mutex
	handoffs []tags.Handoff // written to the outputs
	journal  journal
	images   map[string]string            // image ids by architecture, without copies
	byRegion map[string]map[string]string // image ids by region and architecture
	written  map[string]bool              // the outputs of a start that have a value
	said     bool                         // the log contains the reason of the failure
	told     bool                         // the summary contains the reason of the failure
	signIns  []string                     // not in the summary yet
}

// maskInputs makes GitHub mask the secrets in the inputs and the environment, before anything else is printed. A dummy
// value, such as stand-ins for AWS accept, is not masked: that would remove the word from every log line and drop every
// output that contains it.
func (o *output) maskInputs() {
	for _, secret := range keyMasks(o.getenv(inputEnv("app-private-key"))) {
		if !isDummy(secret) {
			o.Secret(secret)
		}
	}
	for _, secret := range []string{
		strings.TrimSpace(o.getenv(inputEnv("github-token"))),
		o.getenv("AWS_SECRET_ACCESS_KEY"), o.getenv(envSessionToken), o.getenv(envTokenAuth),
	} {
		if !isDummy(secret) {
			o.Secret(secret)
		}
	}
}

// isDummy reports whether a key is a dummy such as "test": short, or one lower-case word. AWS's secret keys have 40
// characters and GitHub's tokens as many or more, and neither consists of lower-case letters alone.
func isDummy(key string) bool {
	const shortest, longestWord = 6, 20
	isWord := len(key) < longestWord && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") == ""
	return len(key) < shortest || isWord
}

// Secret implements runner.Journal: it makes GitHub mask a value.
func (o *output) Secret(value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.Lines(value) { // a mask applies within one line
		if line = strings.TrimSpace(line); line != "" {
			o.action.AddMask(line)
		}
	}
}

// check makes sure that the files for outputs and states can be written: a start that cannot record what it launched
// would leave it behind.
func (o *output) check() error {
	invalid := &InvalidError{}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE"} {
		file, err := os.OpenFile(o.getenv(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			invalid.add(fmt.Sprintf("%s=%q cannot be written: %v", name, o.getenv(name), err),
				"GitHub sets it for every step; outside of GitHub set it to the path of a file")
		}
	}
	return invalid.orNil()
}

// Launched implements runner.Journal: it writes a hand-off to the outputs as soon as its instance exists.
func (o *output) Launched(h tags.Handoff) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handoffs = append(slices.DeleteFunc(o.handoffs,
		func(before tags.Handoff) bool { return before.Index == h.Index }), h)
	if h.Index == 0 || len(o.handoffs) == 1 {
		o.first(h)
	}
	if len(o.handoffs) > maxConcurrent { // written at the end; until then the post step uses the journal
		return nil
	}
	return o.all(o.handoffs)
}

// maxConcurrent is up to how many runners the outputs are written at each launch: they are written as a whole each
// time.
const maxConcurrent = 20

// set writes an output of a start. The last value that is written counts.
func (o *output) set(name, value string) {
	if o.written == nil {
		o.written = map[string]bool{}
	}
	o.written[name] = value != ""
	o.action.SetOutput(name, value)
}

// first writes machulav's outputs, which describe the first runner.
func (o *output) first(h tags.Handoff) {
	o.set(outLabel, h.Label)
	o.set(outInstanceID, h.InstanceID)
	o.set(outRegion, h.Region)
}

// all writes the outputs that describe every runner.
func (o *output) all(handoffs []tags.Handoff) error {
	handoffs = slices.Clone(handoffs)
	slices.SortFunc(handoffs, func(a, b tags.Handoff) int { return a.Index - b.Index })
	byName := map[string]handoff{}
	labels, ids := []string{}, []string{}
	for _, h := range handoffs {
		byName[h.Name] = newHandoff(h)
		ids = append(ids, h.InstanceID)
		if !slices.Contains(labels, h.Label) {
			labels = append(labels, h.Label)
		}
	}
	for name, value := range map[string]any{outRunners: byName, outLabels: labels, outInstanceIDs: ids} {
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("write output %s: %w", name, err)
		}
		o.set(name, string(raw))
	}
	return nil
}

// failed rewrites the outputs of a start that failed, so that they name only what could not be removed. If nothing is
// left they are empty, as machulav's are: workflows take a label as a sign that a runner exists.
func (o *output) failed(result runner.StartResult) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var left []tags.Handoff
	for _, r := range result.Runners {
		if !r.Removed && r.InstanceID != "" {
			left = append(left, r.Handoff)
		}
	}
	if len(left) > 0 {
		o.first(left[0])
		return o.all(left)
	}
	for _, name := range slices.Sorted(maps.Keys(o.written)) {
		// A later stop uses the label to find what was launched by a call whose response was lost.
		if o.written[name] && (name != outLabel || result.Failure.IsClean()) {
			o.set(name, "")
		}
	}
	return nil
}

// ready writes the outputs of the runners that came online, with all that is known about them now.
func (o *output) ready(result runner.StartResult) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var handoffs []tags.Handoff
	for _, r := range result.Runners {
		if !r.Failed && r.InstanceID != "" {
			handoffs = append(handoffs, r.Handoff)
		}
	}
	if len(handoffs) == 0 {
		return nil
	}
	o.first(handoffs[0])
	return o.all(handoffs)
}

// startDone reports the end of a start. Only a start that left nothing behind tells the post step to do nothing.
func (o *output) startDone(result runner.StartResult, err error) {
	if err != nil {
		if err := o.failed(result); err != nil {
			o.log.Warn(err.Error())
		}
	}
	if err == nil || (result.Failure != nil && len(result.Failure.Left) == 0) {
		if err := o.saveState(stateDone, true); err != nil {
			o.log.Warn(err.Error())
		}
	}
	o.handler.closeGroup()
	if err == nil {
		if err := o.ready(result); err != nil {
			o.log.Warn(err.Error())
		}
		for _, r := range result.Runners {
			if !r.Failed {
				o.log.Info(fmt.Sprintf("runner %s is ready after %s: runs-on: %s", r.RunnerName,
					seconds(r.Timeline.Online), runsOn(r.Label)))
			}
		}
		o.log.Info(rerunNote(o.getenv("GITHUB_JOB"), o.getenv("GITHUB_RUN_ID")))
	}
	if result.Failure != nil {
		if !errors.Is(err, context.Canceled) {
			o.told = true // startSummary, below, contains it
			o.problems(problemOf(err))
			o.said = true
		}
		o.logTrail(result.Trail)
	}
	o.logFailure(result.Failure)
	o.summarize(startSummary(result))
	o.told = result.Failure != nil
}

// logFailure logs the details of a failed start: what the machine and EC2 reported, the console, and what is left.
func (o *output) logFailure(failure *runner.Failure) {
	if failure == nil {
		return
	}
	for _, line := range failure.Said {
		o.log.Info("the machine says: " + line)
	}
	if failure.LastPhase != "" {
		o.log.Info("the machine came as far as: " + failure.LastPhase)
	}
	if failure.State != "" {
		o.log.Info("EC2 says of the instance: " + failure.State)
	}
	if len(failure.Console) > 0 {
		log := o.log.With("phase", "The last lines of the machine's console")
		for _, line := range failure.Console {
			log.Info("| " + line)
		}
		o.handler.closeGroup()
	}
	for _, kept := range failure.Kept {
		o.log.Warn(kept)
	}
	for _, left := range failure.Left {
		o.log.Warn("left behind: " + left)
	}
}

// summarize appends to the job summary, if there is one.
func (o *output) summarize(markdown string) {
	if markdown == "" || o.getenv("GITHUB_STEP_SUMMARY") == "" {
		return
	}
	markdown += o.signedInSummary()
	defer func() {
		if cause := recover(); cause != nil { // a summary that cannot be written does not fail the step
			o.log.Debug(fmt.Sprintf("the job summary cannot be written: %v", cause))
		}
	}()
	o.action.AddStepSummary(markdown)
}

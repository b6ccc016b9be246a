// Package action is the interface to GitHub Actions: it parses the inputs into one request, runs the mode's function,
// and prints the result.
//
// With main.go it is the only importer of go-githubactions. The packages that do the work know nothing of inputs,
// outputs or log commands. What they must record early, so that a killed step loses nothing, they pass to a
// runner.Journal, which outputs.go and journal.go implement.
package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"runtime/debug"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
)

// World is the program's environment: everything that it reads from and writes to outside of the two APIs.
type World struct {
	Name    string // argv[0]: a name that ends in "-post" is the post step
	Getenv  func(string) string
	Environ func() []string
	Stdout  io.Writer
}

// The exit codes.
const (
	exitDone      = 0
	exitFailed    = 1
	exitInvalid   = 2
	exitUnfit     = 3   // mode check: something would make a start fail
	exitCancelled = 130 // 128 + SIGINT, as a shell reports it
)

// Run does what the inputs request and returns the exit code.
func Run(ctx context.Context, w World) (code int) {
	out := newOutput(w)
	defer func() {
		if cause := recover(); cause != nil { // go-githubactions panics when a file command cannot be written
			out.problems(Problem{fmt.Sprintf("internal error: %v", cause),
				"please report this at the action's repository, with the log of this step"})
			out.log.Debug(string(debug.Stack()))
			code = exitFailed
		}
	}()
	out.maskInputs()
	if strings.HasSuffix(path.Base(w.Name), "-post") {
		return out.finish(runPost(ctx, w, out))
	}
	for _, warning := range unknownInputs(w.Environ()) {
		out.log.Warn(warning)
	}
	request, err := Parse(w.Getenv)
	for _, note := range request.Notes {
		out.log.Info(note)
	}
	for _, warning := range request.Warnings {
		out.log.Warn(warning)
	}
	if err == nil {
		err = out.check()
	}
	if err != nil {
		return out.finish(err)
	}
	return out.finish(work(ctx, request, out))
}

// work creates the clients, signs in and runs the mode.
func work(ctx context.Context, request Request, out *output) error {
	c, err := connect(ctx, request, out)
	if err != nil {
		return err
	}
	if request.Mode == modeCheck { // a refused sign-in is a finding
		return runCheck(ctx, c)
	}
	err = c.signIn(ctx)
	switch {
	case request.Mode == modeStop:
		// A refused sign-in at one side must not prevent the clean-up at the other: Stop reports what it could not
		// remove, and why.
		return runStop(ctx, c)
	case err != nil:
		return err
	case request.Mode == modeSweep:
		return runSweep(ctx, c)
	case request.Mode == modeBake:
		return runBake(ctx, c)
	case request.Mode == modePool:
		return runPool(ctx, c)
	}
	return runStart(ctx, c)
}

func runStart(ctx context.Context, c clients) error {
	result, err := c.starter().Start(ctx, *c.request.Start)
	c.out.startDone(result, err)
	return err
}

func runStop(ctx context.Context, c clients) error {
	result, err := c.stopper().Stop(ctx, *c.request.Stop)
	machines := make([]machineOutcome, len(result.Stopped))
	for n, s := range result.Stopped {
		machines[n] = machineOutcome{s.RunnerName, s.InstanceID, s.Outcome}
	}
	c.out.setOutcomes(machines)
	c.out.summarize(stopSummary(result) + outcomeSummary(machines))
	return err
}

// runPost removes what an interrupted start left behind. The program's name selects it, never the state: a start that
// died before it wrote any state must not make the post step launch a machine.
func runPost(ctx context.Context, w World, out *output) error {
	state, err := readState(w.Getenv)
	if err != nil || state.nothingToDo() {
		return err
	}
	request, err := ParsePost(w.Getenv)
	if err != nil {
		return err
	}
	// The clients sign in at their first call, so that a refused sign-in still lets the post step name what is left.
	c, err := connect(ctx, request, out)
	if err != nil {
		return err
	}
	result := post.CleanUp(ctx, c.remover(), state.request(request.what(), request.Run))
	if len(state.begun) > 0 {
		unfinished := ami.PostRequest{Mine: state.identity(request.Run).NonceTags(), Begun: state.begun}
		removed, left := c.baker().Post(ctx, unfinished)
		result.Removed, result.Left = removed, append(result.Left, left...)
	}
	out.summarize(postSummary(result))
	if len(result.Left) > 0 {
		return &diagnosis.FailedError{
			Message: "the interrupted " + request.what() + " may have left something behind: " +
				strings.Join(result.Left, "; "),
			Hint: "remove it by hand, or let a scheduled sweep find it",
		}
	}
	return nil
}

// finish prints an error, once, and turns it into the exit code.
func (o *output) finish(err error) int {
	o.handler.closeGroup()
	var invalid *InvalidError
	var refused *diagnosis.RefusedError
	var unfit *unfitError
	var baked *bakeError
	var signIn *signInError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &invalid):
		o.problems(invalid.Problems...)
		return exitInvalid
	case errors.As(err, &refused):
		o.problems(Problem{refused.Message, refused.Hint})
		return exitInvalid
	case errors.As(err, &unfit):
		return exitUnfit
	case errors.Is(err, context.Canceled):
		o.log.Error("the step was cancelled")
		return exitCancelled
	case errors.As(err, &signIn):
		o.problems(signIn.problems...)
	case errors.As(err, &baked):
		o.problems(baked.problems...)
		if baked.refused {
			return exitInvalid
		}
	default:
		o.problems(problemOf(err))
	}
	return exitFailed
}

// problemOf returns the message and the hint of an error.
func problemOf(err error) Problem {
	if refused, ok := errors.AsType[*diagnosis.RefusedError](err); ok {
		return Problem{refused.Message, refused.Hint}
	}
	if failed, ok := errors.AsType[*diagnosis.FailedError](err); ok {
		return Problem{failed.Message, failed.Hint}
	}
	return Problem{err.Error(), diagnosis.Hint(err)}
}

// problems logs each problem as one annotation with its hint below, and adds them to the job summary.
func (o *output) problems(list ...Problem) {
	if o.said {
		return
	}
	for _, problem := range list {
		o.log.Error(problem.Message)
		if problem.Hint != "" {
			o.log.Info("hint: " + problem.Hint)
			if page := see(problem.Hint); page != "" {
				o.log.Info("see: " + page)
			}
		}
	}
	if !o.told {
		o.summarize(problemSummary(list))
	}
}

// newOutput returns an output that writes to the world's files and standard output.
func newOutput(w World) *output {
	action := githubactions.New(githubactions.WithWriter(w.Stdout), githubactions.WithGetenv(w.Getenv))
	handler := newHandler(action, w.Stdout)
	return &output{action: action, getenv: w.Getenv, handler: handler, log: slog.New(handler)}
}

// see returns the address of the hint's entry in the troubleshooting page, or "" if it has none.
func see(hint string) string {
	if page := ami.See(hint); page != "" { // ami matches whole hints, diagnosis the beginning of a hint
		return page
	}
	return diagnosis.See(hint)
}

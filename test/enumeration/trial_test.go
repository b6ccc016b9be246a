package enumeration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// layer is what cleans up.
type layer string

const (
	byItself layer = "itself"   // the flow: a start rolls back, a stop stops, a sweep sweeps
	byStop   layer = "stop"     // the ordinary stop after a good start
	byPost   layer = "post"     // the post step
	byLabel  layer = "by label" // a stop by label, if the post step did not run
	bySweep  layer = "sweep"    // if that did not run either
	byOwnEnd layer = "own end"  // the machine itself, before the sweep
)

// trial is one case: a flow with a fault or a signal, and the layer that has to clean up.
type trial struct {
	flow    flow
	weather weather
	blow    blow
	rest    layer
}

func (tr trial) String() string {
	what := "no fault"
	switch {
	case !tr.weather.isNone():
		what = tr.weather.String()
	case !tr.blow.isNone():
		what = tr.blow.String()
	}
	return tr.flow.name + ": " + what
}

// finding is the result of a trial.
type finding struct {
	held     layer    // which layer cleaned up
	again    bool     // the flow did not clean up by itself: try the other layers too
	left     []string // what is left, which should be nothing
	toGitHub int      // registrations without a machine that GitHub removes
	toBake   int      // unreported images, which the next bake prunes
	swept    bool     // volumes were left that only a sweep could delete
	wronged  string   // what was done to foreign things, which should be nothing
	wrong    []string // other mistakes of the program
	log      string
}

func (f *finding) complain(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// run runs a trial in virtual time.
func (tr trial) run(ctx context.Context) finding {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newWorld(tr.flow)
	s := tr.flow.begin(ctx, w)
	if !tr.weather.isNone() {
		w.AddFault(tr.weather.fault())
	}
	p := newProcess(ctx, w, tr.blow)
	done := make(chan outcome, 1)
	go func() { done <- tr.flow.run(p, s) }()
	var f finding
	select {
	case o := <-done:
		done <- o
		if p.ctx.Err() != nil {
			o.took = time.Since(p.struck)
		}
		w.ClearFaults()
		tr.judge(&f, p, o)
		tr.finish(ctx, &f, w, p, s, o)
	case <-p.killed:
		w.ClearFaults()
		f.again = true
		tr.clean(ctx, &f, w, p, s)
	}
	tr.check(&f, w, p)
	<-done // a killed process may still be in its last call
	<-time.After(time.Minute)
	tr.check(&f, w, p)
	tr.sweepVolumes(ctx, &f, w)
	if f.wronged == "" {
		f.wronged = wronged(w)
	}
	f.log = p.log.String()
	return f
}

// check records what is left, except volumes, and what foreign things have changed.
func (tr trial) check(f *finding, w *simulator.World, p *process) {
	f.wronged = wronged(w)
	images := leftImages(w, p.journal.baked)
	if f.held == bySweep || f.held == byOwnEnd {
		f.toBake = len(images) // the rest was counted after the sweeps
		return
	}
	f.left, f.toGitHub = left(w, nil)
	f.left = append(f.left, images...)
}

// judge checks the program's messages.
func (tr trial) judge(f *finding, p *process, o outcome) {
	cancel := p.ctx.Err() != nil
	failed := len(tr.flow.guests) > 0 // the flow fails without a fault, and the signal may come during its roll-back
	switch {
	case cancel && o.err != nil && !errors.Is(o.err, context.Canceled) && !failed:
		f.complain("a cancelled flow returns %q, which is not exit code 130", o.err)
	case cancel && o.took > 7*time.Second:
		f.complain("the roll-back took %s", o.took)
	case !cancel && errors.Is(o.err, context.Canceled):
		f.complain("without a cancel it returns %q", o.err)
	case o.err != nil && !strings.Contains(o.err.Error(), ":") && !cancel && !tr.weather.isNone() && o.hint == "":
		f.complain("the message %q names no cause", o.err)
	}
	if tr.weather.isNone() && tr.blow.isNone() && o.err != nil && len(tr.flow.guests) == 0 {
		f.complain("without a fault it returns %q", o.err)
	}
	if o.err != nil && (tr.weather.kind == "401" || tr.weather.kind == "403") && !cancel &&
		diagnosis.Hint(o.err) == "" {
		f.complain("%q has no hint", o.err)
	}
}

// finish continues after a flow that was not killed.
func (tr trial) finish(ctx context.Context, f *finding, w *simulator.World, p *process, s *scene, o outcome) {
	switch {
	case tr.flow.isStart && o.err == nil && tr.flow.pool && strings.Contains(p.log.String(), "left behind: the claim"):
		// The runner is online, but a claim could not be undone. The start has reported it, and only a sweep can help.
		tr.stop(ctx, f, w, p)
		f.held = bySweep
		tr.sweep(ctx, f, w)
	case tr.flow.isStart && o.err == nil:
		tr.stopInGoodOrder(ctx, f, w, p)
	case tr.flow.isStart && len(o.left) == 0:
		f.held = byItself
	case !tr.flow.isStart && !tr.flow.isSweep && (o.err == nil || tr.flow.isBake) && len(o.left) == 0:
		f.held = byItself
	default:
		f.again = true
		tr.clean(ctx, f, w, p, s)
	}
}

// stopInGoodOrder checks that after a successful start exactly its machines exist, and stops them.
func (tr trial) stopInGoodOrder(ctx context.Context, f *finding, w *simulator.World, p *process) {
	instances, runners := w.Leftovers()
	instances = slices.DeleteFunc(instances, func(i simulator.Instance) bool { return isWhole(i, runners) })
	if tr.flow.existing {
		if len(instances)+len(runners) > 0 || len(p.journal.handoffs) != 1 {
			f.complain("after a successful start of an existing machine there are %d instances, %d runners "+
				"and %d hand-offs", len(instances), len(runners), len(p.journal.handoffs))
		}
	} else if len(instances) != len(p.journal.handoffs) || len(runners) != len(p.journal.handoffs) {
		f.complain("after a successful start there are %d instances and %d runners for %d hand-offs", len(instances),
			len(runners), len(p.journal.handoffs))
	}
	tr.stop(ctx, f, w, p)
	f.held = byStop
}

// stop stops what a start has handed over.
func (tr trial) stop(ctx context.Context, f *finding, w *simulator.World, p *process) {
	next := newProcess(ctx, w, blow{})
	defer next.cancel(nil)
	stopper := &stop.Stopper{Cloud: next.cloud(), Registry: next.registry(), Log: next.logger()}
	var r stop.Request
	r.Run, r.Scope, r.Label = tags.Run{Repository: repository, ID: thisRun, Attempt: "1"}, repository,
		p.journal.identity.Label
	for _, h := range p.journal.handoffs {
		r.InstanceIDs = append(r.InstanceIDs, h.InstanceID)
	}
	if _, err := stopper.Stop(ctx, r); err != nil {
		f.complain("stop after a successful start: %v", err)
	}
}

// jobBegins is the shortest time in which GitHub begins the stop job after the start job.
const jobBegins = 10 * time.Second

// clean runs the responsible layer without faults, in a process of its own.
func (tr trial) clean(ctx context.Context, f *finding, w *simulator.World, p *process, s *scene) {
	next := newProcess(ctx, w, blow{})
	defer next.cancel(nil)
	f.held = tr.rest
	switch tr.rest {
	case byPost:
		request, needed := p.journal.post()
		if !needed {
			return
		}
		remover := remove.Remover{Cloud: next.cloud(), Registry: next.registry(), Log: next.logger()}
		left := post.CleanUp(next.ctx, remover, request).Left
		if tr.flow.isBake {
			left = append(left, next.postBake(p.journal)...)
		}
		if len(left) > 0 {
			f.complain("the post step left %v", left)
		}
	case byLabel:
		<-time.After(jobBegins)
		stopper := &stop.Stopper{Cloud: next.cloud(), Registry: next.registry(), Log: next.logger()}
		_, err := stopper.Stop(next.ctx, stop.Request{Run: tags.Run{Repository: repository, ID: thisRun},
			Scope: repository, Label: s.label})
		if err != nil {
			f.complain("stop by label: %v", err)
		}
	case bySweep:
		tr.sweep(ctx, f, w)
	}
}

// sweep simulates a schedule: the run is over, and a sweep runs every quarter of an hour.
func (tr trial) sweep(ctx context.Context, f *finding, w *simulator.World) {
	w.SetRun(simulator.Run{ID: 4711, Status: "completed", Conclusion: "failure"})
	<-time.After(10*time.Minute + time.Second)
	if instances, _ := w.Leftovers(); len(instances) == 0 && !tr.flow.existing {
		f.held = byOwnEnd
	}
	listed := map[int64]bool{}
	for range 3 {
		p := newProcess(ctx, w, blow{})
		o := sweepOnce(p)
		p.cancel(nil)
		if o.err != nil {
			f.complain("sweep without faults: %v", o.err)
		}
		for _, s := range o.swept {
			if s.Act == sweep.Listed {
				listed[s.RunnerID] = true
			}
		}
		<-time.After(15 * time.Minute)
	}
	f.left, f.toGitHub = left(w, listed)
}

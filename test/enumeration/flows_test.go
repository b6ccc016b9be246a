package enumeration

import (
	"context"
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/existing"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// flow is one run of the program.
type flow struct {
	name   string
	guests []simulator.GuestRule
	policy simulator.Policy
	// deregister is how late GitHub removes the registration of an ephemeral runner after its job.
	deregister time.Duration
	// begin sets up what has happened before, without faults.
	begin func(ctx context.Context, w *simulator.World) *scene
	// run is the flow itself, in one process.
	run     func(p *process, s *scene) outcome
	isStart bool
	// asApp makes every process sign in as a GitHub App.
	asApp   bool
	isSweep bool
	// isBake flows take minutes: they get signals only at the first and the last call of each kind.
	isBake bool
	// existing reports whether the flow starts a machine of the user: it was stopped before, and must be afterwards.
	existing bool
	// rest are the layers that may have to clean up afterwards; each is tried alone.
	rest []layer
	// signalsOnly omits the faults: another flow covers them.
	signalsOnly bool
	pool        bool // pool entries may stay if they are whole
}

// scene is what a flow finds.
type scene struct {
	handoffs []tags.Handoff
	label    string
}

// outcome is the result of a process.
type outcome struct {
	err   error
	left  []string // what it reports as left behind
	hint  string
	swept []sweep.Swept
	took  time.Duration // since the signal, if there was one
}

func request(change func(*runner.StartRequest)) runner.StartRequest {
	r := runner.StartRequest{
		Run: tags.Run{Repository: repository, ID: thisRun, Attempt: "1"}, Scope: repository,
		WebURL: "https://github.com/" +
			repository,
		OwnTags: true, GroupID: 1, MaxLifetime: 5 * 24 * time.Hour,
		Waiting: runner.Waiting{Timeout: 2 * time.Minute},
		Groups: []runner.Group{{
			Label: "tests", Machine: machine.Machine{
				InstanceTypes: []string{"t3.xlarge"}, Markets: []string{machine.OnDemand}, RunnerVersion: "latest",
				Placements: []machine.Placement{machine.NewPlacement("us-east-1", image, subnetA, group)},
			},
		}},
	}
	change(&r)
	return r
}

func byToken(*runner.StartRequest) {}

func byJIT(r *runner.StartRequest) { r.JIT = true }

// inAHurry gives up soon, so that every call of the flow can be tried.
func inAHurry(r *runner.StartRequest) {
	short := 2 * time.Second
	r.JIT, r.Waiting = true, runner.Waiting{QuietPeriod: &short, Timeout: 10 * time.Second}
}

func twoPlacements(r *runner.StartRequest) {
	r.Groups[0].Placements = append(r.Groups[0].Placements, machine.NewPlacement("us-east-1", image, subnetB, group))
}

func three(r *runner.StartRequest) { r.Groups[0].Count = 3 }

// threeByJIT starts three runners that are registered and launched at the same time.
func threeByJIT(r *runner.StartRequest) {
	three(r)
	r.JIT = true
}

// flows returns the flows to try, and variants that need the other layers.
func flows() []flow {
	return []flow{
		starting("start by token", byToken),
		starting("start by JIT", byJIT),
		starting("start as an App", byJIT, func(f *flow) { f.asApp = true }),
		inRole(starting("start in a role", byJIT)),
		starting("start, two placements", twoPlacements),
		starting("start without tags", byToken, func(f *flow) {
			f.policy.Deny = []string{"ec2:CreateTags"}
			f.signalsOnly = true
		}),
		starting("start, machine hangs", inAHurry, func(f *flow) {
			f.guests = []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}
			f.signalsOnly = true
		}),
		starting("start three by token", three, func(f *flow) { f.signalsOnly = true }),
		starting("start three by JIT", threeByJIT, func(f *flow) {
			// A stop by label leaves numbered registrations that have never been online: they may belong to a start in
			// progress.
			f.signalsOnly, f.rest = true, []layer{byPost, bySweep}
		}),
		stopping("stop by id and label", func(s *scene) stop.Request {
			return stop.Request{InstanceIDs: ids(s), Label: s.label}
		}),
		stopping("stop by label", func(s *scene) stop.Request { return stop.Request{Label: s.label} }),
		sweeping(),
		sweepingVolumes(),
		starting("start existing", byTags, func(f *flow) {
			f.existing = true
			f.begin = func(context.Context, *simulator.World) *scene { return &scene{label: keptLabel} }
		}),
		starting("start existing, its runner never comes", byTags, func(f *flow) {
			f.existing, f.signalsOnly = true, true
			f.guests = []simulator.GuestRule{{Fault: simulator.GuestNeverBoots}}
			f.begin = func(context.Context, *simulator.World) *scene { return &scene{label: keptLabel} }
		}),
		stopping("stop existing", func(s *scene) stop.Request {
			return stop.Request{InstanceIDs: ids(s), Label: s.label}
		}, func(f *flow) {
			f.existing = true
			f.begin = func(ctx context.Context, w *simulator.World) *scene { return startedBy(ctx, w, byTags) }
		}),
		claiming("start from a pool"),
		claiming("start, warm one hangs", func(f *flow) {
			f.guests = []simulator.GuestRule{{When: simulator.WhenLater, Fault: simulator.GuestNeverBoots, Times: 1}}
			f.signalsOnly = true
		}),
		pooling(),
		baking(),
		bakingTo("bake in two regions", "eu-west-1"),
	}
}

// byTags starts the user's machine.
func byTags(r *runner.StartRequest) {
	r.Groups = []runner.Group{{Label: keptLabel, Count: 1}}
	r.Source = existing.Machines{Region: "us-east-1", Tags: map[string]string{keptTag: keptLabel}}
	r.Waiting = runner.Waiting{Timeout: time.Minute}
}

func ids(s *scene) []string {
	var list []string
	for _, h := range s.handoffs {
		list = append(list, h.InstanceID)
	}
	return list
}

func starting(name string, change func(*runner.StartRequest), adjust ...func(*flow)) flow {
	f := flow{
		name: name, isStart: true, rest: []layer{byPost, byLabel, bySweep},
		begin: func(context.Context, *simulator.World) *scene { return &scene{label: "tests"} },
		run:   func(p *process, _ *scene) outcome { return startedWith(p, p.starter(), change) },
	}
	for _, a := range adjust {
		a(&f)
	}
	return f
}

func startedWith(p *process, starter *runner.Starter, change func(*runner.StartRequest)) outcome {
	result, err := starter.Start(p.ctx, request(change))
	o := outcome{err: err}
	if result.Failure != nil {
		o.left, o.hint = result.Failure.Left, result.Failure.Hint
	}
	// As in action.startDone.
	_ = p.journal.write(func() { p.journal.done = err == nil || (result.Failure != nil && len(o.left) == 0) })
	return o
}

// inRole makes a start sign in first, as the action does: a refusal then leaves nothing behind.
func inRole(f flow) flow {
	f.run = func(p *process, _ *scene) outcome {
		cloud := p.signedIn()
		if err := cloud.SignIn(p.ctx); err != nil {
			return outcome{err: err}
		}
		starter := p.starter()
		starter.Cloud, starter.Fresh = cloud,
			func() (*ec2.Client, *github.Client) { return cloud.Fresh(), p.registry() }
		return startedWith(p, starter, byJIT)
	}
	return f
}

// started starts a runner without faults.
func started(ctx context.Context, w *simulator.World) *scene { return startedBy(ctx, w, byToken) }

func startedBy(ctx context.Context, w *simulator.World, change func(*runner.StartRequest)) *scene {
	p := newProcess(ctx, w, blow{})
	defer p.cancel(nil)
	if _, err := p.starter().Start(p.ctx, request(change)); err != nil {
		panic(fmt.Sprintf("start without faults: %v\n%s", err, p.log))
	}
	return &scene{handoffs: p.journal.handoffs, label: p.journal.identity.Label}
}

func stopping(name string, by func(*scene) stop.Request, adjust ...func(*flow)) flow {
	f := flow{
		name: name, begin: started, rest: []layer{byLabel, bySweep},
		run: func(p *process, s *scene) outcome {
			r := by(s)
			r.Run, r.Scope = tags.Run{Repository: repository, ID: thisRun, Attempt: "1"}, repository
			stopper := &stop.Stopper{Cloud: p.cloud(), Registry: p.registry(), Log: p.logger()}
			_, err := stopper.Stop(p.ctx, r)
			return outcome{err: err}
		},
	}
	for _, a := range adjust {
		a(&f)
	}
	return f
}

func sweepRequest() sweep.Request {
	return sweep.Request{Repository: repository, Scope: repository, Regions: []string{"us-east-1"},
		Grace: 10 * time.Minute}
}

func sweepOnce(p *process) outcome {
	sweeper := &sweep.Sweeper{Cloud: p.cloud(), Registry: p.registry(), Log: p.logger()}
	result, err := sweeper.Sweep(p.ctx, sweepRequest())
	return outcome{err: err, swept: result.Swept}
}

// sweeping sets up a runner whose run is over, one that has lost its registration while its run goes on, and a
// registration whose machine has ended.
func sweeping() flow {
	return flow{
		name: "sweep", rest: []layer{bySweep}, isSweep: true,
		begin: func(ctx context.Context, w *simulator.World) *scene {
			s := started(ctx, w)
			for _, change := range []func(*runner.StartRequest){
				func(r *runner.StartRequest) { r.Groups[0].Label, r.Run.ID = "lost", otherRun },
				func(r *runner.StartRequest) { r.Groups[0].Label = "dead" },
			} {
				p := newProcess(ctx, w, blow{})
				if _, err := p.starter().Start(p.ctx, request(change)); err != nil {
					panic(fmt.Sprintf("start without faults: %v\n%s", err, p.log))
				}
				h := p.journal.handoffs[0]
				if h.Label == "lost" {
					<-time.After(6 * time.Minute) // the machine itself no longer checks its registration
					for _, r := range w.Snapshot().Runners {
						if r.Instance == h.InstanceID {
							must(p.registry().Remove(ctx, r.ID))
						}
					}
				} else {
					must(p.cloud().Terminate(ctx, h.Region, h.InstanceID))
				}
				p.cancel(nil)
			}
			w.SetRun(simulator.Run{ID: 4711, Status: "completed", Conclusion: "cancelled"})
			<-time.After(15 * time.Minute)
			return s
		},
		run: func(p *process, _ *scene) outcome { return sweepOnce(p) },
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

package serve_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// costs are what the jobs of a day cost beside their own time.
type costs struct {
	Jobs   int     `json:"jobs"`
	Queued float64 `json:"queued"` // median seconds from a job's queueing to its call of RunInstances
	Before float64 `json:"before"` // median seconds that a machine is online before its job
	After  float64 `json:"after"`  // median seconds from the end of a job until EC2 ends its machine
	EC2    float64 `json:"ec2"`    // calls a job
	GitHub float64 `json:"github"` // calls a job, polls aside
}

// jobBegins is what GitHub needs at least to begin a job that needs another one.
const jobBegins = 10 * time.Second

// TestCosts measures the same jobs by scale sets and by a start and a stop job each: scale sets keep machines idle for
// a shorter time, and take fewer calls.
func TestCosts(t *testing.T) {
	d := day{sets: 3, jobs: 20, lasts: 15 * time.Minute}
	if *update {
		d = day{sets: 20, jobs: 500, lasts: 10 * time.Hour}
	}
	var served, started costs
	t.Run("scale sets", func(t *testing.T) { served = d.served(t) })
	t.Run("start jobs", func(t *testing.T) { started = d.started(t) })
	t.Logf("scale sets %+v\nstart jobs %+v", served, started)
	if wasted := served.Before + served.After; wasted >= started.Before+started.After {
		t.Errorf("a machine of a scale set is idle for %.1f s, that of a start job for %.1f s", wasted,
			started.Before+started.After)
	}
	record(t, "served", served)
	record(t, "started", started)
}

// queued are the jobs of a day, in their order, each with the set that it is for.
func (d day) queued() (jobs []simulator.ScaleSetJob) {
	random := rand.New(rand.NewPCG(3, uint64(d.jobs)))
	for range d.jobs {
		jobs = append(jobs, simulator.ScaleSetJob{Set: fmt.Sprintf("set-%02d", random.IntN(d.sets)),
			After:    time.Duration(random.Int64N(int64(d.lasts))),
			Duration: time.Minute + time.Duration(random.ExpFloat64()*float64(4*time.Minute))})
	}
	slices.SortFunc(jobs, func(a, b simulator.ScaleSetJob) int { return int(a.After - b.After) })
	return jobs
}

// served lets scale sets run the jobs.
func (d day) served(t *testing.T) (c costs) {
	t.Helper()
	var sets []config.Set
	for i := range d.sets {
		sets = append(sets, aSet(fmt.Sprintf("set-%02d", i), 50))
	}
	inBubbleAlone(t, simulator.Config{}, sets, func(s *stage) {
		p := s.start("one")
		s.listening(p, d.sets)
		w := s.watch()
		for _, job := range d.queued() {
			<-time.After(time.Until(w.begun.Add(job.After)))
			s.world.QueueScaleSetJob(job.Set, job)
			w.wanted = append(w.wanted, time.Now())
		}
		s.until("done", 2*time.Hour, s.allDone)
		s.nothingLeft(2 * time.Minute)
		c = w.costs()
		p.end()
	})
	return c
}

// started runs each job after a start job and before a stop job, as the README's workflow does. Their own runners are
// there at once, which real ones are not.
func (d day) started(t *testing.T) (c costs) {
	t.Helper()
	world := simulator.Config{Runs: []simulator.Run{{ID: 4711}}}
	inBubbleAlone(t, world, nil, func(s *stage) {
		w := s.watch()
		done := make(chan error, d.jobs)
		for n, job := range d.queued() {
			<-time.After(time.Until(w.begun.Add(job.After)))
			w.wanted = append(w.wanted, time.Now())
			go func() { done <- s.startAndStop(fmt.Sprintf("job-%d", n), job.Duration) }()
		}
		for range d.jobs {
			if err := <-done; err != nil {
				s.t.Error(err)
			}
		}
		s.nothingLeft(2 * time.Minute)
		c = w.costs()
	})
	return c
}

// startAndStop is one workflow run: the start job, the job, and the stop job.
func (s *stage) startAndStop(label string, lasts time.Duration) error {
	ctx, way := s.t.Context(), s.world.Transport()
	cloud := ec2.New(aws.Config{Region: "us-east-1", HTTPClient: &http.Client{Transport: way},
		Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "secret", "")})
	scope, err := github.ParseScope("demo-org/demo")
	if err != nil {
		return err
	}
	registry, err := github.New(github.Options{BaseURL: github.DefaultBaseURL, Token: "ghp_demo", Scope: scope,
		Transport: way})
	if err != nil {
		return err
	}
	log, run := slog.New(slog.DiscardHandler), tags.Run{Repository: "demo-org/demo", ID: "4711", Attempt: "1"}
	handoff := &handedOver{}
	starter := &runner.Starter{Cloud: cloud, Registry: registry, Journal: handoff, Log: log,
		Fresh: func() (*ec2.Client, *github.Client) { return cloud, registry }}
	_, err = starter.Start(ctx, runner.StartRequest{Run: run, Scope: "demo-org/demo",
		WebURL: "https://github.com/demo-org/demo", OwnTags: true, GroupID: 1,
		Waiting: runner.Waiting{Timeout: 5 * time.Minute},
		Groups:  []runner.Group{{Label: label, Machine: aSet("", 1).Machine}}})
	if err != nil {
		return err
	}
	<-time.After(jobBegins)
	s.world.RunJob(label, lasts)
	<-time.After(lasts + jobBegins)
	stopper := &stop.Stopper{Cloud: cloud, Registry: registry, Log: log}
	_, err = stopper.Stop(ctx, stop.Request{Run: run, Scope: "demo-org/demo", InstanceIDs: handoff.ids, Label: label})
	return err
}

// handedOver is a journal that keeps what a stop job gets.
type handedOver struct{ ids []string }

func (*handedOver) Begun(tags.Identity) error             { return nil }
func (*handedOver) Registering([]post.Registration) error { return nil }
func (*handedOver) Asking(string, string) error           { return nil }
func (*handedOver) Taking(string, string) error           { return nil }
func (*handedOver) Claiming([]post.Claim) error           { return nil }
func (*handedOver) Secret(string)                         {}
func (j *handedOver) Launched(h tags.Handoff) error {
	j.ids = append(j.ids, h.InstanceID)
	return nil
}

// watch notes each second which machines are there, from the beginning of a day.
type watch struct {
	stage  *stage
	begun  time.Time
	calls  int // before
	wanted []time.Time
	ended  chan struct{}
	over   chan struct{}

	online, gone map[string]time.Time // by instance
	machine      map[string]string    // by runner
	looked       time.Time
	running      float64 // seconds that machines ran, all together
}

func (s *stage) watch() *watch {
	w := &watch{stage: s, begun: time.Now(), calls: len(s.world.Calls()), ended: make(chan struct{}),
		over: make(chan struct{}), online: map[string]time.Time{}, gone: map[string]time.Time{},
		machine: map[string]string{}}
	go func() {
		defer close(w.over)
		for {
			w.look()
			select {
			case <-w.ended:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return w
}

func (w *watch) look() {
	seen := w.stage.world.Snapshot()
	for _, r := range seen.Runners {
		w.machine[r.Name] = r.Instance
		if w.online[r.Instance].IsZero() && r.Status == "online" {
			w.online[r.Instance] = seen.Time
		}
	}
	since := seen.Time.Sub(cmp.Or(w.looked, seen.Time)).Seconds()
	w.looked = seen.Time
	for _, i := range seen.Instances {
		if i.State == "running" && !i.Initial {
			w.running += since
		}
		if w.gone[i.ID].IsZero() && i.State != "pending" && i.State != "running" {
			w.gone[i.ID] = seen.Time
		}
	}
}

// costs ends the watch. The nth launch is for the nth job, since no maximum keeps one waiting.
func (w *watch) costs() costs {
	close(w.ended)
	<-w.over
	w.look()
	c := costs{Jobs: len(w.wanted)}
	var queued, before, after []float64
	for _, call := range w.stage.world.Calls()[w.calls:] {
		switch {
		case call.Operation == "RunInstances" && len(queued) < len(w.wanted):
			queued = append(queued, call.Time.Sub(w.wanted[len(queued)]).Seconds())
			c.EC2 += 1 / float64(c.Jobs)
		case call.Service == "ec2":
			c.EC2 += 1 / float64(c.Jobs)
		case call.Operation != "GetMessage" && (call.Service == "github" || call.Service == "actions"):
			c.GitHub += 1 / float64(c.Jobs)
		}
	}
	for _, job := range w.stage.world.Jobs() {
		machine := w.machine[job.Runner]
		// A machine may get its job in the second in which it comes online.
		before = append(before, max(0, job.Started.Sub(w.online[machine]).Seconds()))
		after = append(after, w.gone[machine].Sub(job.Ended).Seconds())
	}
	c.Queued, c.Before, c.After = median(queued), median(before), median(after)
	return c
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

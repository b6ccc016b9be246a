package enumeration

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// process is one run of the program: its own transport, its own memory. Only its journal outlives it.
type process struct {
	ctx       context.Context
	cancel    context.CancelCauseFunc
	transport *simulator.Transport
	wire      *wire
	journal   *journal
	app       *github.App   // if the world has one, the process signs in as it
	log       *bubble.Lines // goroutines of a killed process may still write to it

	once   sync.Once
	killed chan struct{} // closed when the process is dead
	struck time.Time     // when it got the signal
}

// cancelled is the cause of main.go's context after a signal.
type cancelled struct{}

func (cancelled) Error() string { return "interrupt signal received" }

func (cancelled) Is(target error) bool { return target == context.Canceled }

func newProcess(ctx context.Context, world *simulator.World, blow blow) *process {
	p := &process{transport: world.Transport(), journal: &journal{}, log: &bubble.Lines{}, killed: make(chan struct{})}
	if apps := world.Apps(); len(apps) > 0 {
		p.app = github.NewApp(github.AppOptions{ID: apps[0].ClientID, Key: world.AppKey(), Scope: scope(),
			Repository: repository, Runs: true})
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.wire = &wire{process: p, blow: blow}
	if blow.at > 0 {
		time.AfterFunc(blow.at, p.strike)
	}
	return p
}

// strike delivers the signal.
func (p *process) strike() {
	p.once.Do(func() {
		if p.wire.instead != nil {
			p.wire.instead()
			return
		}
		if p.wire.blow.kill {
			p.die()
			return
		}
		p.struck = time.Now()
		p.cancel(cancelled{})
		time.AfterFunc(10*time.Second, p.die) // GitHub kills it then
	})
}

// die ends the process as SIGKILL does: no further call of it reaches a service, and nothing of it is written to the
// journal.
func (p *process) die() {
	p.transport.Dark()
	p.journal.close()
	select {
	case <-p.killed:
	default:
		close(p.killed)
	}
	p.cancel(cancelled{}) // lets its goroutines end; their calls go nowhere
}

// signedIn returns a client in a role, as in a step of a job with OIDC tokens.
func (p *process) signedIn() *ec2.Client {
	tokens := github.IDTokens{URL: simulator.IDTokenURL, Bearer: simulator.IDTokenBearer, Transport: p.wire}
	return p.cloud().Assume(ec2.Role{
		ARN: "arn:aws:iam::123456789012:role/github-runners", SessionName: "GitHubActions", Duration: time.Hour,
		Log:   p.logger(),
		Token: diagnosis.IDToken(tokens, "sts.amazonaws.com"), Secret: func(string) {}, SignedIn: func(ec2.Session) {},
	})
}

func (p *process) cloud() *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "demo-secret", ""),
		HTTPClient: &http.Client{Transport: p.wire},
	})
}

func scope() github.Scope {
	scope, err := github.ParseScope(repository)
	if err != nil {
		panic(err)
	}
	return scope
}

func (p *process) registry() *github.Client {
	client, err := github.New(github.Options{BaseURL: github.DefaultBaseURL, Token: "ghp_demo", App: p.app,
		Scope:     scope(),
		Transport: p.wire})
	if err != nil {
		panic(err)
	}
	return client
}

func (p *process) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (p *process) starter() *runner.Starter {
	return &runner.Starter{
		Cloud: p.cloud(), Registry: p.registry(), Journal: p.journal, Log: p.logger(),
		Fresh: func() (*ec2.Client, *github.Client) { return p.cloud(), p.registry() },
	}
}

// journal is what the action writes to GITHUB_OUTPUT and GITHUB_STATE.
type journal struct {
	mu       sync.Mutex
	closed   bool
	identity tags.Identity
	tokens   map[string][]string
	taken    map[string][]string
	made     []post.Registration
	claims   []post.Claim
	handoffs []tags.Handoff
	begun    []ami.Begun // images that may not be finished
	baked    []string    // images that were handed over
	done     bool
}

func (j *journal) write(f func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed {
		f()
	}
	return nil
}

func (j *journal) close() { _ = j.write(func() { j.closed = true }) }

func (j *journal) Begun(id tags.Identity) error {
	return j.write(func() { j.identity, j.tokens, j.taken = id, map[string][]string{}, map[string][]string{} })
}

func (j *journal) Registering(made []post.Registration) error {
	return j.write(func() { j.made = made })
}

func (j *journal) Claiming(claims []post.Claim) error {
	return j.write(func() { j.claims = claims })
}

func (j *journal) Asking(token, region string) error {
	return j.write(func() { j.tokens[region] = append(j.tokens[region], token) })
}

func (j *journal) Taking(id, region string) error {
	return j.write(func() { j.taken[region] = append(j.taken[region], id) })
}

func (j *journal) Launched(h tags.Handoff) error {
	return j.write(func() {
		j.handoffs = append(slices.DeleteFunc(j.handoffs,
			func(before tags.Handoff) bool { return before.Index == h.Index }), h)
	})
}

func (j *journal) Secret(string) {}

// post returns what the post step reads; false means that it has nothing to do.
func (j *journal) post() (post.Request, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := tags.Identity{Run: tags.Run{Repository: repository, ID: thisRun, Attempt: "1"}, Scope: repository,
		Nonce: j.identity.Nonce, Label: j.identity.Label}
	return post.Request{Identity: id, Tokens: j.tokens, Made: j.made, Taken: j.taken, Claims: j.claims},
		id.Nonce != "" && !j.done
}

// moment is when a signal comes, relative to a call.
type moment string

const (
	before moment = "before"
	during moment = "during" // the call has taken effect, its answer is in flight
	after  moment = "after"
)

// blow is a signal at a call of the process, or at a time after its beginning.
type blow struct {
	kill   bool
	call   int // from 1; 0 for none
	moment moment
	at     time.Duration
}

func (b blow) String() string {
	signal := "cancel"
	if b.kill {
		signal = "kill"
	}
	if b.at > 0 {
		return fmt.Sprintf("%s at %s", signal, b.at)
	}
	return fmt.Sprintf("%s %s call %d", signal, b.moment, b.call)
}

func (b blow) isNone() bool { return b.call == 0 && b.at == 0 }

// wire counts the calls of a process and delivers the signal at one of them.
type wire struct {
	process *process
	blow    blow
	watch   *obedience // may be nil
	instead func()     // called instead of sending the signal, if not nil
	mu      sync.Mutex
	calls   int
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.calls++
	mine := w.calls == w.blow.call
	w.mu.Unlock()
	if mine && w.blow.moment == before {
		w.process.strike()
	}
	if mine && w.blow.moment == during {
		// Every call takes at least 100 ms, and takes effect halfway; RunInstances takes 1.5 s.
		latency := 90 * time.Millisecond
		if request.ContentLength > 2000 {
			latency = time.Second
		}
		time.AfterFunc(latency, w.process.strike)
	}
	if w.watch != nil {
		w.watch.asks(request)
	}
	response, err := w.process.transport.RoundTrip(request)
	if w.watch != nil {
		w.watch.saw(request, response)
	}
	if mine && w.blow.moment == after {
		w.process.strike()
	}
	return response, err
}

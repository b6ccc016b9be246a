// Package bubble runs flows of the real packages against the simulator in virtual time: ten minutes of waiting take no
// time.
package bubble

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Stage is a simulated world and a starter with real clients of it.
type Stage struct {
	World   *simulator.World
	Starter *runner.Starter
	Log     *Lines
	Journal *Journal
}

// Run runs f in virtual time. It fails the test if f has called something that the world does not model.
func Run(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, s *Stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &Stage{World: simulator.New(config), Log: &Lines{}, Journal: &Journal{}}
		s.Starter = s.Another(t)
		s.Starter.Journal = s.Journal
		f(t.Context(), t, s)
		if surprises := s.World.Surprises(); len(surprises) > 0 {
			t.Errorf("calls that the world does not model: %v", surprises)
		}
	})
}

// Another returns a starter as in another process, in the same world.
func (s *Stage) Another(t *testing.T) *runner.Starter {
	clients := func() (*ec2.Client, *github.Client) {
		transport := s.World.Transport()
		return NewCloud(transport), NewRegistry(t, transport)
	}
	cloud, registry := clients()
	return &runner.Starter{
		Cloud: cloud, Registry: registry, Journal: &Journal{}, Fresh: clients,
		Log: slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// CleanUp runs the post step after a killed start.
func CleanUp(ctx context.Context, s *runner.Starter, unfinished post.Request) post.Result {
	return post.CleanUp(ctx, remove.Remover{Cloud: s.Cloud, Registry: s.Registry, Log: s.Log}, unfinished)
}

// NewCloud returns an EC2 client on a transport.
func NewCloud(transport http.RoundTripper) *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIADEMO", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
	})
}

// NewRegistry returns a GitHub client on a transport.
func NewRegistry(t *testing.T, transport http.RoundTripper) *github.Client {
	scope, err := github.ParseScope("demo-org/demo")
	if err != nil {
		t.Fatal(err)
	}
	client, err := github.New(github.Options{BaseURL: github.DefaultBaseURL, Token: "ghp_demo", Scope: scope,
		Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Request returns a start of one runner as in machulav's README.
func Request() runner.StartRequest {
	return runner.StartRequest{
		Run: tags.Run{Repository: "demo-org/demo", ID: "4711", Attempt: "1"}, Scope: "demo-org/demo",
		WebURL: "https://github.com/demo-org/demo",
		Groups: []runner.Group{{
			Label: "build", Machine: machine.Machine{
				InstanceTypes: []string{"t3.xlarge"}, Markets: []string{machine.OnDemand}, RunnerVersion: "latest",
				Placements: []machine.Placement{machine.NewPlacement("", "ami-0aaaaaaaaaaaaaaa1",
					"subnet-0aaaaaaaaaaaaaaa1",
					"sg-0aaaaaaaaaaaaaaa1")},
			},
		}},
		GroupID: 1, OwnTags: true, Waiting: runner.Waiting{Timeout: 5 * time.Minute},
		MaxLifetime: 120 * time.Hour,
	}
}

// NothingLeft fails the test if an instance or a registration is left, or something foreign has changed.
func (s *Stage) NothingLeft(t *testing.T) {
	t.Helper()
	instances, runners := s.World.Leftovers()
	for _, i := range instances {
		t.Errorf("left: instance %s %s", i.ID, i.State)
	}
	for _, r := range runners {
		t.Errorf("left: runner %s %s", r.Name, r.Status)
	}
	for _, what := range s.World.Changed() {
		t.Errorf("touched: %s", what)
	}
}

// Calls returns the calls of one operation.
func (s *Stage) Calls(operation string) []simulator.Call {
	var list []simulator.Call
	for _, call := range s.World.Calls() {
		if call.Operation == operation {
			list = append(list, call)
		}
	}
	return list
}

// Lines is a log that can be read while it is written.
type Lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the log.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Journal records what a step would have written.
type Journal struct {
	mu       sync.Mutex
	Identity tags.Identity
	Made     []post.Registration
	Claims   []post.Claim
	Tokens   map[string][]string
	Handoffs []tags.Handoff
	Secrets  []string
	Taken    map[string][]string
}

// Begun implements runner.Journal.
func (j *Journal) Begun(id tags.Identity) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Identity, j.Tokens = id, map[string][]string{}
	return nil
}

// Registering implements runner.Journal.
func (j *Journal) Registering(made []post.Registration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Made = made
	return nil
}

// Claiming implements runner.Journal.
func (j *Journal) Claiming(claims []post.Claim) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Claims = claims
	return nil
}

// Asking implements runner.Journal.
func (j *Journal) Asking(token, region string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Tokens[region] = append(j.Tokens[region], token)
	return nil
}

// Taking implements runner.Journal.
func (j *Journal) Taking(id, region string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.Taken == nil {
		j.Taken = map[string][]string{}
	}
	j.Taken[region] = append(j.Taken[region], id)
	return nil
}

// Launched implements runner.Journal.
func (j *Journal) Launched(h tags.Handoff) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Handoffs = append(j.Handoffs, h)
	return nil
}

// Secret implements runner.Journal.
func (j *Journal) Secret(value string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Secrets = append(j.Secrets, value)
}

// Unfinished returns what the post step of a killed step reads.
func (j *Journal) Unfinished() post.Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return post.Request{Identity: j.Identity, Tokens: j.Tokens, Made: j.Made, Claims: j.Claims, Taken: j.Taken}
}

package runner_test

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

// stage is a world with a starter whose clients are the real ones, over the world's transport.
type stage struct {
	world   *simulator.World
	starter *runner.Starter
	log     *lines
	journal *journal
}

// inBubble runs f in virtual time. Whatever f does, the world must not have been asked what it does not model.
func inBubble(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{world: simulator.New(config), log: &lines{}, journal: &journal{}}
		clients := func() (*ec2.Client, *github.Client) {
			transport := s.world.Transport()
			return newCloud(transport), newRegistry(t, transport)
		}
		cloud, registry := clients()
		s.starter = &runner.Starter{
			Cloud: cloud, Registry: registry, Journal: s.journal,
			Log:   slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Fresh: func() (*ec2.Client, *github.Client) { cloud, registry := clients(); return cloud, registry },
		}
		f(t.Context(), t, s)
		if surprises := s.world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

// cleanUp is the post step of an action whose start was killed.
func cleanUp(ctx context.Context, s *runner.Starter, unfinished post.Request) post.Result {
	return post.CleanUp(ctx, remove.Remover{Cloud: s.Cloud, Registry: s.Registry, Log: s.Log}, unfinished)
}

func newCloud(transport http.RoundTripper) *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIADEMO", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
	})
}

func newRegistry(t *testing.T, transport http.RoundTripper) *github.Client {
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

// request is a start of one runner as machulav's README has it.
func request() runner.StartRequest {
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

// nothingLeft fails when an instance or a registration is left, or something of others was touched.
func (s *stage) nothingLeft(t *testing.T) {
	t.Helper()
	instances, runners := s.world.Leftovers()
	for _, i := range instances {
		t.Errorf("left: instance %s %s", i.ID, i.State)
	}
	for _, r := range runners {
		t.Errorf("left: runner %s %s", r.Name, r.Status)
	}
	for _, what := range s.world.Changed() {
		t.Errorf("touched: %s", what)
	}
}

// calls are those of one operation.
func (s *stage) calls(operation string) []simulator.Call {
	var list []simulator.Call
	for _, call := range s.world.Calls() {
		if call.Operation == operation {
			list = append(list, call)
		}
	}
	return list
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// journal remembers what a step would have written.
type journal struct {
	mu       sync.Mutex
	identity tags.Identity
	made     []post.Registration
	claims   []post.Claim
	tokens   map[string][]string
	handoffs []tags.Handoff
	secrets  []string
	taken    map[string][]string
}

// Begun implements runner.Journal.
func (j *journal) Begun(id tags.Identity) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.identity, j.tokens = id, map[string][]string{}
	return nil
}

// Registering implements runner.Journal.
func (j *journal) Registering(made []post.Registration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.made = made
	return nil
}

// Claiming implements runner.Journal.
func (j *journal) Claiming(claims []post.Claim) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.claims = claims
	return nil
}

// Asking implements runner.Journal.
func (j *journal) Asking(token, region string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tokens[region] = append(j.tokens[region], token)
	return nil
}

// Taking implements runner.Journal.
func (j *journal) Taking(id, region string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.taken == nil {
		j.taken = map[string][]string{}
	}
	j.taken[region] = append(j.taken[region], id)
	return nil
}

// Launched implements runner.Journal.
func (j *journal) Launched(h tags.Handoff) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handoffs = append(j.handoffs, h)
	return nil
}

// Secret implements runner.Journal.
func (j *journal) Secret(value string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.secrets = append(j.secrets, value)
}

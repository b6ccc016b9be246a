package serve_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// stage is a world with a file of scale sets. Its servers are processes: each has its own way into the world, and can
// be stopped or killed.
type stage struct {
	t     *testing.T
	world *simulator.World
	file  config.File
}

// process is one server.
type process struct {
	*serve.Server
	log    *lines
	stop   context.CancelFunc
	dark   *simulator.Transport
	closed chan struct{}
}

// inBubble runs f in a bubble of virtual time. After f, the world must not have been asked what it does not model.
func inBubble(t *testing.T, config simulator.Config, sets []config.Set, f func(s *stage)) {
	t.Helper()
	t.Parallel()
	inBubbleAlone(t, config, sets, f)
}

// inBubbleAlone is inBubble beside nothing else.
func inBubbleAlone(t *testing.T, config simulator.Config, sets []config.Set, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, world: simulator.New(config), file: file(t, sets)}
		f(s)
		if surprises := s.world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

func file(t *testing.T, sets []config.Set) config.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("ghp_demo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.File{GitHub: config.GitHub{URL: "https://github.com/demo-org/demo", TokenFile: path}, Sets: sets}
}

// aSet is a set of one on-demand type in one subnet.
func aSet(name string, limit int) config.Set {
	return config.Set{Name: name, Labels: []string{name}, Max: limit, Machine: machine.Machine{
		InstanceTypes: []string{"t3.xlarge"}, Markets: []string{machine.OnDemand}, RunnerVersion: "latest",
		Placements: []machine.Placement{machine.NewPlacement("", "ami-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa1",
			"sg-0aaaaaaaaaaaaaaa1")},
	}}
}

// start runs a server on a host until it is stopped.
func (s *stage) start(host string) *process {
	s.t.Helper()
	p, err := s.tryStart(host, func(p *process) http.RoundTripper { return p.dark })
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// tryStart is start with another way into the world. The error is that of a program that ends at once.
func (s *stage) tryStart(host string, way func(*process) http.RoundTripper) (*process, error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	p := &process{log: &lines{}, stop: cancel, dark: s.world.Transport(), closed: make(chan struct{})}
	server, err := serve.New(ctx, s.file, options(host, p.log, way(p)))
	if err != nil {
		cancel()
		return nil, err
	}
	p.Server = server
	go func() {
		defer close(p.closed)
		if err := server.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(func() {
		p.end()
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", host, p.log)
		}
	})
	return p, nil
}

// options are those of a process with a log and a way into the world.
func options(host string, log *lines, way http.RoundTripper) serve.Options {
	return serve.Options{
		Log: slog.New(slog.NewJSONHandler(log, nil)), Version: "test", Host: host, Transport: way,
		Cloud: ec2.New(aws.Config{
			Region: "us-east-1",
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIADEMO", SecretAccessKey: "secret"}, nil
			}),
			HTTPClient: &http.Client{Transport: way},
		}),
	}
}

// end stops a server in order, and returns how long it took.
func (p *process) end() time.Duration {
	begun := time.Now()
	p.stop()
	<-p.closed
	return time.Since(begun)
}

// kill makes a server one that the world hears nothing of any more.
func (p *process) kill() {
	p.dark.Dark()
	p.end()
}

// queue queues jobs.
func (s *stage) queue(set string, count int, job simulator.ScaleSetJob) {
	for range count {
		s.world.QueueScaleSetJob(set, job)
	}
}

// until waits until something is so.
func (s *stage) until(what string, limit time.Duration, is func() bool) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for !is() {
		if time.Since(begun) > limit {
			s.t.Fatalf("%s: not so after %s; sets %+v, jobs %v", what, limit, s.world.ScaleSets(), s.states())
		}
		<-time.After(100 * time.Millisecond)
	}
	return time.Since(begun)
}

// states counts the jobs by their states.
func (s *stage) states() map[string]int {
	states := map[string]int{}
	for _, job := range s.world.Jobs() {
		states[job.State]++
	}
	return states
}

func (s *stage) allDone() bool {
	states := s.states()
	return states["done"] == len(s.world.Jobs())
}

// nothingLeft waits for the last machines to power themselves off, and fails where an instance or a registration is
// left, or something of others was touched.
func (s *stage) nothingLeft(limit time.Duration) {
	s.t.Helper()
	s.until("nothing is left", limit, func() bool {
		instances, runners := s.world.Leftovers()
		return len(instances)+len(runners) == 0
	})
	for _, what := range s.world.Changed() {
		s.t.Errorf("touched: %s", what)
	}
}

// calls are those of one operation.
func (s *stage) calls(operation string) []simulator.Call {
	return slices.DeleteFunc(s.world.Calls(), func(c simulator.Call) bool { return c.Operation != operation })
}

// lines is a log of JSON.
type lines struct{ bubble.Lines }

// with are the lines with a message.
func (l *lines) with(message string) (found []map[string]any) {
	for line := range strings.Lines(l.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}

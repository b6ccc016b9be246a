package github_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// inBubble runs f in virtual time with its own world and client. Every exchange is validated against GitHub's
// description.
func inBubble(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, world *simulator.World,
	client *github.Client)) {
	t.Helper()
	validator, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(config)
		world.OnRequest(func(request *http.Request, response *http.Response) {
			asked, _ := io.ReadAll(request.Body)
			answered, _ := io.ReadAll(response.Body)
			if err := validator.Check(request, asked, response, answered); err != nil {
				t.Error(err)
			}
		})
		f(t.Context(), t, world, newClient(t, world.Transport()))
		if surprises := world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

func newClient(t *testing.T, transport http.RoundTripper) *github.Client {
	t.Helper()
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

// count returns how often an operation was called; its name may end with a star.
func count(world *simulator.World, operation string) int {
	n := 0
	for _, call := range world.Calls() {
		if prefix, ok := strings.CutSuffix(operation, "*"); call.Operation == operation ||
			(ok && strings.HasPrefix(call.Operation, prefix)) {
			n++
		}
	}
	return n
}

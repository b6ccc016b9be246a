package github_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestFindByNames: by pages or single look-ups, whichever takes fewer calls. Of a list of several pages the first and
// the last page are read twice.
func TestFindByNames(t *testing.T) {
	const list = "actions/list-self-hosted-runners-for-repo"
	for _, c := range []struct{ others, names, most int }{{0, 1, 1}, {0, 50, 1}, {250, 50, 5}, {3000, 2, 2},
		{3000, 5, 6},
		{3000, 50, 33}} {
		config := simulator.Config{ForeignRunners: c.others, Runners: []simulator.RunnerSeed{{Name: "ec2-build-0"}}}
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *github.Client) {
			var names []string
			for n := range c.names {
				names = append(names, fmt.Sprintf("ec2-build-%d", n))
			}
			found, err := client.FindByNames(ctx, names)
			if _, there := found["ec2-build-0"]; err != nil || len(found) != 1 || !there {
				t.Errorf("%d names among %d: found %v, %v; want ec2-build-0", c.names, c.others, found, err)
			}
			if n := count(world, list); n > c.most {
				t.Errorf("%d names among %d take %d calls, at most %d", c.names, c.others, n, c.most)
			}
		})
	}
}

// TestCreationsKeepToTheLimit: two hundred concurrent JIT configurations, none refused by the rate limit.
func TestCreationsKeepToTheLimit(t *testing.T) {
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, world *simulator.World,
		client *github.Client) {
		begun := time.Now()
		errs := make(chan error)
		for n := range 160 {
			go func() {
				_, err := client.JITConfig(ctx, github.JITRequest{Name: fmt.Sprintf("ec2-build-%d", n), GroupID: 1,
					Labels: []string{"build"}})
				errs <- err
			}()
		}
		for range 160 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for _, call := range world.Calls() {
			if call.Status != http.StatusCreated {
				t.Errorf("a call got %d after %s", call.Status, call.Time.Sub(begun))
			}
		}
		if took := time.Since(begun); took > 125*time.Second {
			t.Errorf("it took %s, want a little over two minutes at most", took)
		}
	})
}

// TestPrivateCA: an Enterprise Server whose certificate is valid only with ca-certificates.
func TestPrivateCA(t *testing.T) {
	world := simulator.New(simulator.Config{Speed: 100})
	server := httptest.NewTLSServer(world.GitHubHandler())
	defer server.Close()
	scope, err := github.ParseScope("demo-org/demo")
	if err != nil {
		t.Fatal(err)
	}
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for certificates, works := range map[string]bool{authority: true, "": false} {
		client, err := github.New(github.Options{BaseURL: server.URL + "/api/v3", Token: "ghp_demo", Scope: scope,
			CACertificates: certificates})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.RunnerByName(t.Context(), "ec2-build"); (err == nil) != works {
			t.Errorf("with the authority's certificate %t: %v", works, err)
		}
	}
}

// TestScopeOfACall: an error contains the scope of the call, since the required permissions depend on it.
func TestScopeOfACall(t *testing.T) {
	inBubble(t, simulator.Config{Tokens: []simulator.Token{{Value: "ghp_demo", Read: []string{"demo-org/demo"}}}},
		func(ctx context.Context, t *testing.T, _ *simulator.World, client *github.Client) {
			_, err := client.RegistrationToken(ctx)
			call, ok := err.(*github.CallError) //nolint:errorlint // the client returns it bare
			if !ok || call.Class != github.Forbidden || !call.Scope.IsRepository() || call.Scope.IsOrganization() ||
				call.Scope.IsEnterprise() {
				t.Errorf("error %v, want Forbidden for a repository", err)
			}
		})
}

package simulator_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// setClient is GitHub's own client of a world in this process.
func setClient(t *testing.T, w *simulator.World) *scaleset.Client {
	t.Helper()
	return setClientOf(t, w, "https://github.com/demo-org/demo")
}

// setClientOf is the client for a repository, an organization or an enterprise.
func setClientOf(t *testing.T, w *simulator.World, address string) *scaleset.Client {
	t.Helper()
	return must[*scaleset.Client](t)(scaleset.NewClientWithPersonalAccessToken(
		scaleset.NewClientWithPersonalAccessTokenConfig{GitHubConfigURL: address, PersonalAccessToken: "ghp_demo"},
		inWorld(w)))
}

// demoApp may manage the runners of the default world's repository.
var demoApp = simulator.App{ID: 12, ClientID: "Iv23", Slug: "demo",
	Permissions:   map[string]string{"administration": "write"},
	Installations: []simulator.Installation{{ID: 99, Account: "demo-org"}}}

// setClientOfApp signs in as the world's only App.
func setClientOfApp(t *testing.T, w *simulator.World, address string, installation int64,
	option scaleset.HTTPOption) *scaleset.Client {
	t.Helper()
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(w.AppKey())})
	return must[*scaleset.Client](t)(scaleset.NewClientWithGitHubApp(scaleset.ClientWithGitHubAppConfig{
		GitHubConfigURL: address, GitHubAppAuth: scaleset.GitHubAppAuth{ClientID: w.Apps()[0].ClientID,
			InstallationID: installation, PrivateKey: string(key)}}, option))
}

// inWorld lets a client speak to a world in this process: it demands an *http.Transport of its own.
func inWorld(w *simulator.World) scaleset.HTTPOption {
	transport := &http.Transport{}
	transport.RegisterProtocol("https", w.Transport())
	retry := retryablehttp.NewClient()
	retry.HTTPClient = &http.Client{Transport: transport}
	return scaleset.WithRetryableHTTPClint(retry)
}

// setClientOver is GitHub's own client of a world on a socket, as a real process has it.
func setClientOver(t *testing.T, w *simulator.World) *scaleset.Client {
	t.Helper()
	server, err := simulator.Listen(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return must[*scaleset.Client](t)(scaleset.NewClientWithPersonalAccessToken(
		scaleset.NewClientWithPersonalAccessTokenConfig{GitHubConfigURL: server.EC2URL + "/demo-org/demo",
			PersonalAccessToken: "ghp_demo"}, scaleset.WithRetryMax(1)))
}

// must gives the value of a call that has to go well.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newSet(t *testing.T, c *scaleset.Client, name string) *scaleset.RunnerScaleSet {
	t.Helper()
	return must[*scaleset.RunnerScaleSet](t)(c.CreateRunnerScaleSet(t.Context(), &scaleset.RunnerScaleSet{Name: name,
		RunnerGroupID: 1}))
}

// TestScaleSetLife takes one job from its queueing to its end: created set, session, assignment, a machine with a JIT
// configuration, the job, its messages, and an orderly end.
func TestScaleSetLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, c := t.Context(), setClient(t, w)
		set := newSet(t, c, "ec2-amd64")
		session := must[*scaleset.MessageSessionClient](t)(c.MessageSessionClient(ctx, set.ID, "host-1"))
		if n := session.Session().Statistics; n == nil || n.TotalAssignedJobs != 0 {
			t.Errorf("statistics of the session are %+v", n)
		}
		began := time.Now()
		if m, err := session.GetMessage(ctx, 0, 10); m != nil || err != nil || time.Since(began) < 50*time.Second {
			t.Fatalf("empty poll: %v, %v after %s", m, err, time.Since(began))
		}
		go func() { pause(ctx, 7*time.Second); w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Run: 42}) }()
		began = time.Now()
		m := must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, 0, 10))
		if took := time.Since(began); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("the message came after %s", took)
		}
		if len(m.JobAssignedMessages) != 1 || m.JobAssignedMessages[0].WorkflowRunID != 42 ||
			m.Statistics.TotalAssignedJobs != 1 {
			t.Fatalf("message %+v", m)
		}
		if err := session.DeleteMessage(ctx, m.MessageID); err != nil {
			t.Fatal(err)
		}
		jit := must[*scaleset.RunnerScaleSetJitRunnerConfig](t)(c.GenerateJitRunnerConfig(ctx,
			&scaleset.RunnerScaleSetJitRunnerSetting{Name: "ec2-1"}, set.ID))
		w.AttachGuest("i-1", 0, []byte("./run.sh --jitconfig "+jit.EncodedJITConfig))
		m = must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, m.MessageID, 10))
		if len(m.JobStartedMessages) != 1 || m.JobStartedMessages[0].RunnerName != "ec2-1" ||
			m.Statistics.TotalRunningJobs != 1 {
			t.Fatalf("message %+v", m)
		}
		if err := c.RemoveRunner(ctx, int64(jit.Runner.ID)); !errors.Is(err, scaleset.JobStillRunningError) {
			t.Errorf("removing a busy runner: %v", err)
		}
		m = must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, m.MessageID, 10))
		if len(m.JobCompletedMessages) != 1 || m.JobCompletedMessages[0].Result != "succeeded" ||
			m.Statistics.TotalAssignedJobs+m.Statistics.TotalRegisteredRunners != 0 {
			t.Fatalf("message %+v, statistics %+v", m, m.Statistics)
		}
		if err := session.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetRunner(ctx, jit.Runner.ID); !errors.Is(err, scaleset.RunnerNotFoundError) {
			t.Errorf("the runner after its job: %v", err)
		}
		if err := c.DeleteRunnerScaleSet(ctx, set.ID); err != nil {
			t.Fatal(err)
		}
		if j := w.Jobs()[0]; j.State != "done" || j.Runner != "ec2-1" || j.Set != "ec2-amd64" {
			t.Errorf("job %+v", j)
		}
		noSurprises(t, w)
	})
}

// TestScaleSetSession holds sessions to one holder, and to their lapse after a kill.
func TestScaleSetSession(t *testing.T) {
	for _, lapse := range []time.Duration{30 * time.Second, 10 * time.Minute} {
		t.Run(lapse.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulator.New(simulator.Config{ScaleSets: simulator.ScaleSets{SessionLapse: lapse}})
				ctx := t.Context()
				set := newSet(t, setClient(t, w), "ec2-amd64")
				killed, kill := context.WithCancel(ctx)
				session := must[*scaleset.MessageSessionClient](t)(setClient(t, w).MessageSessionClient(ctx, set.ID,
					"host-1"))
				for range 15 { // polls keep it alive beyond its lapse
					must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, 0, 1))
				}
				go func() { pause(ctx, 5*time.Second); kill() }()
				if _, err := session.GetMessage(killed, 0, 1); !errors.Is(err, context.Canceled) {
					t.Fatalf("killed poll: %v", err)
				}
				began := time.Now()
				other := setClient(t, w)
				for {
					if _, err := other.MessageSessionClient(ctx, set.ID, "host-2"); err == nil {
						break
					} else if owner := w.ScaleSets()[0].Owner; owner != "host-1" {
						t.Fatalf("refused with %v while the owner is %q", err, owner)
					}
					pause(ctx, time.Second)
				}
				if took := time.Since(began); took < lapse+40*time.Second || took > lapse+50*time.Second {
					t.Errorf("the session lapsed after %s", took)
				}
				if _, err := session.GetMessage(ctx, 0, 1); err == nil {
					t.Error("the old holder may still poll")
				}
				noSurprises(t, w)
			})
		})
	}
}

// TestScaleSetOverHTTP polls over a socket, in real time: a message ends the poll at once, and so does what is only
// planned, though nobody else looks.
func TestScaleSetOverHTTP(t *testing.T) {
	w := simulator.New(simulator.Config{Speed: 100})
	ctx, c := t.Context(), setClientOver(t, w)
	set := newSet(t, c, "ec2-amd64")
	session := must[*scaleset.MessageSessionClient](t)(c.MessageSessionClient(ctx, set.ID, "host-1"))
	if m, err := session.GetMessage(ctx, 0, 1); m != nil || err != nil {
		t.Fatalf("empty poll: %v, %v", m, err)
	}
	w.QueueScaleSetJob("ec2-amd64", simulator.ScaleSetJob{Duration: 10 * time.Second})
	next := func(last int) *scaleset.RunnerScaleSetMessage { // a poll lasts half a second
		for {
			if m := must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, last, 1)); m != nil {
				return m
			}
		}
	}
	m := next(0)
	jit := must[*scaleset.RunnerScaleSetJitRunnerConfig](t)(c.GenerateJitRunnerConfig(ctx,
		&scaleset.RunnerScaleSetJitRunnerSetting{Name: "ec2-1"}, set.ID))
	w.AttachGuest("i-1", 0, []byte("./run.sh --jitconfig "+jit.EncodedJITConfig))
	m = next(next(m.MessageID).MessageID)
	if len(m.JobCompletedMessages) != 1 {
		t.Errorf("message %+v", m)
	}
	if err := session.Close(ctx); err != nil {
		t.Fatal(err)
	}
	noSurprises(t, w)
}

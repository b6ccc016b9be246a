package simulator_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestLife takes a runner from its token to its end, in a bubble and over HTTP, in machulav's dialect.
func TestLife(t *testing.T) {
	t.Run("in process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{})
			live(t, w, inProcess(w), time.Second)
		})
	})
	t.Run("over HTTP", func(t *testing.T) {
		w := simulator.New(simulator.Config{Speed: 100})
		live(t, w, overHTTP(t, w), 10*time.Millisecond)
	})
}

func live(t *testing.T, w *simulator.World, by way, second time.Duration) {
	ctx := t.Context()
	cloud, hub := by.ec2(t, "us-east-1"), by.github(t, "ghp_demo")
	token, _, err := hub.Actions.CreateRegistrationToken(ctx, "demo-org", "demo")
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	in := launchInput(machulav(token.GetToken(), "abc12"))
	i := mustLaunch(ctx, t, cloud, in)
	id := aws.ToString(i.InstanceId)
	if _, err = cloud.DescribeInstances(ctx,
		&ec2.DescribeInstancesInput{InstanceIds: []string{id}}); code(err) != "InvalidInstanceID.NotFound" &&
		by.name == "in process" {
		t.Errorf("described at once: %v, want InvalidInstanceID.NotFound", err)
	}
	var runner *github.Runner
	for runner == nil {
		if time.Since(started) > 60*second {
			t.Fatal("no runner came online within a minute")
		}
		pause(ctx, second)
		list, _, err := hub.Actions.ListRunners(ctx, "demo-org", "demo", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Runners {
			if r.GetName() == "ec2-abc12" && r.GetStatus() == "online" {
				runner = r
			}
		}
	}
	if took := time.Since(started); took < 20*second {
		t.Errorf("online after %s, sooner than the machine boots", took)
	}
	out, err := cloud.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil || out.Reservations[0].Instances[0].State.Name != "running" {
		t.Fatalf("describe: %v, want one that is running", err)
	}
	if _, err := cloud.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Actions.RemoveRunner(ctx, "demo-org", "demo", runner.GetID()); err != nil {
		t.Fatal(err)
	}
	instances, runners := w.Leftovers()
	if len(instances)+len(runners) > 0 {
		t.Errorf("left: %v %v, want nothing", instances, runners)
	}
	noSurprises(t, w)
}

// TestSettled holds that the world is settled when a launch, an image, a registration and a registration's end are
// listed, and not before.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, by := t.Context(), inProcess(w)
		cloud, hub := by.ec2(t, "us-east-1"), by.github(t, "ghp_demo")
		settles := func(what string) {
			t.Helper()
			if w.Settled() {
				t.Errorf("settled right after %s", what)
			}
			if pause(ctx, 3*time.Second); !w.Settled() {
				t.Errorf("not settled three seconds after %s", what)
			}
		}
		if !w.Settled() {
			t.Error("a new world is not settled")
		}
		i := mustLaunch(ctx, t, cloud, launchInput("#!/bin/sh\n"))
		settles("a launch")
		pause(ctx, 10*time.Second) // until it runs: EC2 makes no image of a pending machine
		if _, err := cloud.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: i.InstanceId,
			Name: aws.String("tests")}); err != nil {
			t.Fatal(err)
		}
		settles("an image")
		made, _, err := hub.Actions.GenerateRepoJITConfig(ctx, "demo-org", "demo", jit("ec2-abc12", "abc12"))
		if err != nil {
			t.Fatal(err)
		}
		settles("a registration")
		if _, err = hub.Actions.RemoveRunner(ctx, "demo-org", "demo", made.GetRunner().GetID()); err != nil {
			t.Fatal(err)
		}
		settles("its end")
	})
}

// code is the error code of an AWS error, "" for none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestUnknownIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx := t.Context()
		by := inProcess(w)
		_, err := by.ec2(t, "us-east-1").DescribeHosts(ctx, &ec2.DescribeHostsInput{})
		if code(err) != "InvalidAction" {
			t.Errorf("unknown action: %v, want InvalidAction", err)
		}
		_, resp, _ := by.github(t, "ghp_demo").Actions.ListRepoSecrets(ctx, "demo-org", "demo", nil)
		if resp == nil {
			t.Fatal("unknown path got no answer")
		}
		got := strings.Join(w.Surprises(), "\n")
		want := "unknown EC2 action \"DescribeHosts\"\n" +
			"unknown GitHub operation GET /repos/demo-org/demo/actions/secrets"
		if resp.StatusCode != http.StatusNotFound || got != want {
			t.Errorf("status %d, surprises:\n%s\nwant 404 and:\n%s", resp.StatusCode, got, want)
		}
	})
}

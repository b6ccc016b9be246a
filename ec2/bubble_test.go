package ec2_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// inBubble runs f in virtual time with a world and a client of its own: the SDK unmodified, over the world's transport.
func inBubble(t *testing.T, config simulator.Config, f func(ctx context.Context, t *testing.T, world *simulator.World,
	client *ec2.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(config)
		f(t.Context(), t, world, newClient(world))
		if surprises := world.Surprises(); len(surprises) > 0 {
			t.Errorf("asked what the world does not model: %v", surprises)
		}
	})
}

func newClient(world *simulator.World) *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIADEMO", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: &http.Client{Transport: world.Transport()},
	})
}

// offering is one in the nth zone of us-east-1, from 1.
func offering(zone int) ec2.Offering {
	return ec2.Offering{
		Placement: machine.Placement{
			ImageID: "ami-0aaaaaaaaaaaaaaa1", SubnetID: fmt.Sprintf("subnet-0aaaaaaaaaaaaaaa%d", zone),
			SecurityGroupIDs: []string{"sg-0aaaaaaaaaaaaaaa1"},
		},
		InstanceType: "t3.xlarge", Market: machine.OnDemand,
	}
}

func launchSpec() ec2.LaunchSpec {
	return ec2.LaunchSpec{
		UserData: func(int) []byte { return []byte("#!/bin/true\n") },
		Machine:  machine.Machine{Tags: []machine.Tag{{Key: "Name", Value: "builder"}}},
		OwnTags:  func(int) map[string]string { return map[string]string{"ec2-github-runner:nonce": "abc"} },
		Token:    func(offering, try int) string { return fmt.Sprintf("egr-test-%d-%d", offering, try) },
	}
}

// tokens are the client tokens of all RunInstances calls, in their order.
func tokens(world *simulator.World) []string {
	var list []string
	for _, call := range world.Calls() {
		if call.Operation == "RunInstances" {
			list = append(list, call.Params["ClientToken"])
		}
	}
	return list
}

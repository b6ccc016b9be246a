package simulator_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestDryRunsOnInstances: EC2 asks first whether the call is allowed on what the instance is, and then whether there is
// one. Nothing comes of it in any case.
func TestDryRunsOnInstances(t *testing.T) {
	const ours, theirs, none = "i-0123456789abcdef0", "i-0123456789abcdef1", "i-00000000000000000"
	byTag := simulator.Policy{Document: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ` +
		`"ec2:*", "Resource": "*",
		"Condition": {"StringEquals": {"aws:ResourceTag/team": "us"}}}]}`}
	for _, c := range []struct {
		name, id, want string
		policy         simulator.Policy
	}{
		{"allowed", ours, "DryRunOperation", simulator.Policy{}},
		{"none, and allowed", none, "InvalidInstanceID.NotFound", simulator.Policy{}},
		{"denied", ours, "UnauthorizedOperation", simulator.Policy{Deny: []string{"ec2:TerminateInstances"}}},
		{"none, and denied", none, "UnauthorizedOperation", simulator.Policy{Deny: []string{"ec2:TerminateInstances"}}},
		{"by tag, ours", ours, "DryRunOperation", byTag},
		{"by tag, theirs", theirs, "UnauthorizedOperation", byTag},
		{"by tag, none", none, "UnauthorizedOperation", byTag},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulator.New(simulator.Config{Instances: []simulator.InstanceSeed{{ID: ours,
					Tags: map[string]string{"team": "us"}}, {ID: theirs}}})
				w.SetPolicy(c.policy)
				_, err := inProcess(w).ec2(t, "us-east-1").TerminateInstances(t.Context(),
					&ec2.TerminateInstancesInput{InstanceIds: []string{c.id}, DryRun: aws.Bool(true)})
				var refused smithy.APIError
				if !errors.As(err, &refused) || refused.ErrorCode() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				if changed := w.Changed(); len(changed) > 0 {
					t.Errorf("it was done: %v", changed)
				}
			})
		})
	}
}

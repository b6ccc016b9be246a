package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestClasses compares every code that EC2 documents for a launch with its class and the number of RunInstances calls,
// through the real SDK.
func TestClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class refusal.Class
		calls int // of RunInstances for one offering; 0: several
		codes string
	}{
		{refusal.Capacity, 1, "InsufficientInstanceCapacity InsufficientHostCapacity " +
			"InsufficientReservedInstanceCapacity UnfulfillableCapacity ReservationCapacityExceeded " +
			"MaxSpotInstanceCountExceeded SpotMaxPriceTooLow Unsupported InsufficientFreeAddressesInSubnet " +
			"VcpuLimitExceeded InstanceLimitExceeded"},
		{refusal.Throttle, 0, "RequestLimitExceeded Throttling ThrottlingException EC2ThrottledException"},
		{refusal.Credentials, 1, "AuthFailure ExpiredToken UnrecognizedClientException InvalidClientTokenId " +
			"SignatureDoesNotMatch"},
		{refusal.Account, 1,
			"OptInRequired PendingVerification Blocked AuthFailure.ServiceLinkedRoleCreationNotPermitted"},
		{refusal.Ended, 1, "IdempotentInstanceTerminated"},
		{refusal.Denied, 2, "UnauthorizedOperation"},
		{refusal.Tagging, 2, "TagPolicyViolation TagLimitExceeded"},
		{refusal.WrongState, 1, "IncorrectInstanceState IncorrectState IncorrectSpotRequestState"},
		{refusal.Impossible, 1, "UnsupportedOperation OperationNotPermitted"},
		{refusal.NotFound, 1, "InvalidAMIID.NotFound InvalidSubnetID.NotFound InvalidGroup.NotFound"},
		{refusal.Other, 1, "InvalidParameterValue InvalidParameterCombination IdempotentParameterMismatch " +
			"InvalidAMIID.Malformed SomethingNew"},
		{refusal.Unknown, 4, "InternalError ServiceUnavailable Unavailable"},
	} {
		for code := range strings.FieldsSeq(c.codes) {
			t.Run(code, func(t *testing.T) {
				t.Parallel()
				fault := simulator.Fault{Match: simulator.Match{Operation: "RunInstances"},
					Effect: simulator.EffectError,
					Code:   code, Message: "because"}
				inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
					world *simulator.World, client *ec2.Client) {
					_, trail, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
					last := trail[len(trail)-1].Err
					if got := refusal.ClassOf(last); got != c.class {
						t.Errorf("class %d, want %d: %v", got, c.class, last)
					}
					if want := "run instances: " + code + ": because"; last.Error() != want {
						t.Errorf("error %q, want %q", last, want)
					}
					if calls := len(tokens(world)); calls != c.calls && (c.calls != 0 || calls < 3) {
						t.Errorf("%d calls of RunInstances, want %d", calls, c.calls)
					}
					if final := errors.Is(err, ec2.ErrExhausted); final == (c.class == refusal.Credentials) {
						t.Errorf("error of the launch: %v", err)
					}
				})
			})
		}
	}
}

// TestProfileIsAwaited: EC2 knows a new instance profile some seconds late, and reports that with a generic code.
func TestProfileIsAwaited(t *testing.T) {
	t.Parallel()
	fault := simulator.Fault{
		Match: simulator.Match{Operation: "RunInstances"}, Times: 2, Effect: simulator.EffectError,
		Code:    "InvalidParameterValue",
		Message: "Value (runner) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
	}
	inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
		world *simulator.World, client *ec2.Client) {
		if _, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)}); err != nil {
			t.Error(err)
		}
		if calls := len(tokens(world)); calls != 3 {
			t.Errorf("%d calls of RunInstances, want 3", calls)
		}
	})
}

// TestCapacityIsNotRepeated: insufficient capacity is reported as HTTP 500, which the SDK's own retryer would retry.
func TestCapacityIsNotRepeated(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{"InsufficientInstanceCapacity": 1, "InternalError": 4} {
		fault := simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances"}, Effect: simulator.EffectError,
			Code: code, Status: 500}
		inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
			world *simulator.World, client *ec2.Client) {
			if _, err := client.Instances(ctx, "", ec2.Selector{}); err == nil {
				t.Error("no error")
			}
			if calls := len(world.Calls()); calls != want {
				t.Errorf("%s: asked %d times, want %d", code, calls, want)
			}
		})
	}
}

// TestRetryQuota: the SDK's own retryer stops retrying after about 25 failures; a roll-back must not.
func TestRetryQuota(t *testing.T) {
	t.Parallel()
	var faults []simulator.Fault
	for n := range 40 {
		faults = append(faults, simulator.Fault{
			Match: simulator.Match{Operation: "DescribeInstances",
				Params: map[string]string{"InstanceId.1": fmt.Sprintf("i-%017x", n)}}, Times: 3,
			Effect: simulator.EffectError, Code: "ServiceUnavailable",
		})
	}
	inBubble(t, simulator.Config{Faults: faults, Unlimited: true}, func(ctx context.Context, t *testing.T,
		_ *simulator.World, client *ec2.Client) {
		for n := range 40 {
			if _, err := client.Instance(ctx, "", fmt.Sprintf("i-%017x", n)); refusal.ClassOf(err) != refusal.NotFound {
				t.Fatalf("call %d: %v", n, err)
			}
		}
	})
}

// TestNotFoundIsSaidByCode: only EC2's error code means that a resource is gone.
func TestNotFoundIsSaidByCode(t *testing.T) {
	t.Parallel()
	for _, effect := range []simulator.Effect{simulator.EffectThrottle, simulator.EffectMalformed,
		simulator.EffectCutAfter, simulator.EffectCutMiddle} {
		fault := simulator.Fault{Match: simulator.Match{Operation: "DescribeInstances"}, Effect: effect}
		inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
			_ *simulator.World, client *ec2.Client) {
			if _, err := client.Instance(ctx, "", "i-0123456789abcdef0"); err == nil ||
				refusal.ClassOf(err) == refusal.NotFound {
				t.Errorf("%s: %v", effect, err)
			}
		})
	}
}

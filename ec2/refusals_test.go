package ec2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// deniedText is EC2's message for a launch that is denied on a resource.
func deniedText(resource, why string) string {
	return "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/ci/x is " +
		"not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:111122223333:" + resource +
		" " + why
}

const explicitly = "with an explicit deny in a service control policy"

// walkOfferings are two markets, two types, and four elements: two subnets, another image in the first subnet, another
// group in the first subnet, and another region.
func walkOfferings() []ec2.Offering {
	elements := []machine.Placement{
		{Element: 1, ImageID: "ami-1", SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-1"}},
		{Element: 1, ImageID: "ami-1", SubnetID: "subnet-2", SecurityGroupIDs: []string{"sg-1"}},
		{Element: 1, ImageID: "ami-2", SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-1"}},
		{Element: 1, ImageID: "ami-1", SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-2"}},
		{Element: 2, ImageID: "ami-1", SubnetID: "subnet-1", SecurityGroupIDs: []string{"sg-1"}},
		{Element: 3, ImageID: "ami-3", SubnetID: "subnet-3", SecurityGroupIDs: []string{"sg-3"}, Region: "eu-west-1"},
	}
	var list []ec2.Offering
	for _, market := range []string{machine.Spot, machine.OnDemand} {
		for _, instanceType := range []string{"a", "b"} {
			for _, placement := range elements {
				list = append(list, ec2.Offering{Placement: placement, InstanceType: instanceType, Market: market,
					Number: len(list) + 1})
			}
		}
	}
	return list
}

// TestWalk walks over the offerings with every code: the first is refused, and exactly the offerings to which the
// refusal applies are skipped. Each offering is written as market, type, element and what differs in it.
func TestWalk(t *testing.T) {
	t.Parallel()
	sameElement := func(o ec2.Offering) bool { return o.Placement.Element == 1 }
	home := func(o ec2.Offering) bool { return o.Placement.Region == "" }
	first := walkOfferings()[0]
	same := func(o ec2.Offering) bool {
		o.Number = first.Number
		return cmp.Equal(o, first)
	}
	placement := func(o ec2.Offering) bool { return cmp.Equal(o.Placement, first.Placement) }
	sameType := func(o ec2.Offering) bool { return o.InstanceType == "a" }
	subnet := func(o ec2.Offering) bool { return o.Placement.SubnetID == "subnet-1" }
	image := func(o ec2.Offering) bool { return home(o) && o.Placement.ImageID == "ami-1" }
	group := func(o ec2.Offering) bool { return o.Placement.SecurityGroupIDs[0] == "sg-1" }
	and := func(all ...func(ec2.Offering) bool) func(ec2.Offering) bool {
		return func(o ec2.Offering) bool {
			for _, holds := range all {
				if !holds(o) {
					return false
				}
			}
			return true
		}
	}
	spot := func(o ec2.Offering) bool { return o.Market == machine.Spot }
	everything := func(ec2.Offering) bool { return true }
	unseen := map[string]bool{}
	for _, code := range refusal.Codes() {
		unseen[code] = true
	}
	for _, c := range []struct {
		codes, message string
		skips          func(ec2.Offering) bool
	}{
		{"InsufficientInstanceCapacity InsufficientHostCapacity InsufficientReservedInstanceCapacity " +
			"UnfulfillableCapacity ReservationCapacityExceeded InsufficientCapacity SpotMaxPriceTooLow Unsupported " +
			"IdempotentInstanceTerminated", "because", same},
		{"InsufficientFreeAddressesInSubnet InvalidSubnetID.NotFound", "because", subnet},
		{"VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded", "because", and(home, sameType, spot)},
		{"AuthFailure.ServiceLinkedRoleCreationNotPermitted",
			"The provided credentials do not have permission to create …",
			spot},
		{"Unsupported", "Your requested instance type (a) is not supported in your requested Availability " +
			"Zone (us-east-1e).",
			and(sameType, subnet)},
		{"UnsupportedOperation", "The instance configuration for this AWS Marketplace product is not supported.",
			and(sameType, image)},
		{"InvalidParameterCombination", "The specified instance type is not eligible for Free Tier.",
			and(home, sameType)},
		{"InvalidParameterValue", "Invalid value 'a' for InstanceType.", and(home, sameType)},
		{"InvalidParameterValue",
			"The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of " +
				"the specified AMI.", and(sameType, image)},
		{"InvalidParameterValue",
			"Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
			sameElement},
		{"OptInRequired", "In order to use this AWS Marketplace product you need to accept terms and subscribe.",
			image},
		{"AuthFailure", "Not authorized for images: [ami-1]", image},
		{"InvalidAMIID.NotFound InvalidAMIID.Unavailable InvalidAMIID.Malformed InvalidSnapshot.NotFound", "because",
			image},
		{"InvalidGroup.NotFound", "The security group 'sg-1' does not exist", group},
		{"InvalidGroup.NotFound", "because", group},
		{"PendingVerification OptInRequired InvalidLaunchTemplateId.NotFound AMIQuotaExceeded SnapshotLimitExceeded " +
			"ResourceLimitExceeded", "because", home},
		{"AuthFailure InvalidClientTokenId", "AWS was not able to validate the provided access credentials", home},
		{"Blocked TagPolicyViolation TagLimitExceeded AccessDenied AccessDeniedException", "because", sameElement},
		{"ExpiredToken RequestExpired UnrecognizedClientException SignatureDoesNotMatch ExpiredTokenException " +
			"MissingAuthenticationToken IncompleteSignature", "because", everything},
		{"SomethingNew InvalidParameterValue InternalError RequestLimitExceeded IdempotentParameterMismatch " +
			"OperationNotPermitted InternalFailure ServiceUnavailable Unavailable RequestTimeout " +
			"RequestTimeoutException Throttling ThrottlingException ThrottledException EC2ThrottledException " +
			"RequestThrottled RequestThrottledException TooManyRequestsException SlowDown BandwidthLimitExceeded " +
			"InvalidInstanceID.NotFound InvalidVolume.NotFound IncorrectInstanceState IncorrectState " +
			"IncorrectSpotRequestState VolumeInUse InvalidAMIName.Duplicate", "because", placement},
		{"UnauthorizedOperation", deniedText("instance/*", explicitly), and(sameElement, home, sameType)},
		{"UnauthorizedOperation", deniedText("instance/*", explicitly+": "+
			"arn:aws:organizations::1:policy/o-1/service_control_policy/p-1. Encoded authorization failure message: x"),
			and(sameElement, home, sameType)},
		{"UnauthorizedOperation", deniedText("instance/*", "with an explicit deny in a permissions boundary"),
			and(sameElement, home, sameType)},
		{"UnauthorizedOperation", deniedText("instance/*", "with an explicit deny"), and(sameElement, home, sameType)},
		{"UnauthorizedOperation", deniedText("subnet/subnet-1", explicitly), and(sameElement, subnet)},
		{"UnauthorizedOperation", deniedText("network-interface/*", explicitly), and(sameElement, subnet)},
		{"UnauthorizedOperation", deniedText("image/ami-1", explicitly), and(sameElement, image)},
		{"UnauthorizedOperation", deniedText("volume/*", explicitly), and(sameElement, image)},
		{"UnauthorizedOperation", deniedText("security-group/sg-1", explicitly), and(sameElement, group)},
		{"UnauthorizedOperation", deniedText("spot-instances-request/*", explicitly), and(sameElement, spot)},
		{"UnauthorizedOperation", deniedText("key-pair/x", explicitly), sameElement},
		{"UnauthorizedOperation", deniedText("instance/*",
			"because no identity-based policy allows the ec2:RunInstances action"), sameElement},
		{"UnauthorizedOperation", deniedText("instance/*",
			"because no service control policy allows the ec2:RunInstances action"), sameElement},
		{"UnauthorizedOperation",
			"You are not authorized to perform this operation. Encoded authorization failure message: x", sameElement},
		{"UnauthorizedOperation", "because", sameElement},
	} {
		for code := range strings.FieldsSeq(c.codes) {
			delete(unseen, code)
			t.Run(code+" "+c.message, func(t *testing.T) {
				t.Parallel()
				walkOnce(t, code, c.message, c.skips)
			})
		}
	}
	for code := range unseen {
		t.Errorf("no row walks the table's code %s", code)
	}
}

// walkOnce refuses the first offering with the code and the others for insufficient capacity.
func walkOnce(t *testing.T, code, message string, skips func(ec2.Offering) bool) {
	refused := simulator.Match{Operation: "RunInstances", Params: map[string]string{"ClientToken": "egr-test-0-*"}}
	config := simulator.Config{Faults: []simulator.Fault{
		{Match: refused, Effect: simulator.EffectError, Code: code, Message: message},
		{Match: simulator.Match{Operation: "RunInstances"}, Effect: simulator.EffectError,
			Code: "InsufficientInstanceCapacity"},
	}}
	inBubble(t, config, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		var want, skipped []string
		for i, o := range walkOfferings() {
			if i == 0 || !skips(o) {
				want = append(want, fmt.Sprint(o))
			}
		}
		observe := ec2.Observer{Skipped: func(o ec2.Offering, because ec2.Attempt) {
			skipped = append(skipped, fmt.Sprint(o))
			if because.Offering.Number != 1 {
				t.Errorf("offering %d is skipped because of %d", o.Number, because.Offering.Number)
			}
		}}
		spec := launchSpec()
		spec.OwnTags = nil
		_, trail, err := client.LaunchMany(ctx, spec, 1, walkOfferings(), observe)
		var got []string
		for _, a := range trail {
			got = append(got, fmt.Sprint(a.Offering))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("offerings asked for, want (-), got (+):\n%s", diff)
		}
		if ends := refusal.EndsLaunch(trail[0].Err); ends == (len(skipped)+
			len(got) == len(walkOfferings())) {
			t.Errorf("%d are skipped and %d asked for of %d; error %v", len(skipped), len(got), len(walkOfferings()),
				err)
		}
	})
}

// TestFirstDenialIsTheCause: a launch is denied with our tags and without them for two reasons: the first is reported,
// with its action.
func TestFirstDenialIsTheCause(t *testing.T) {
	t.Parallel()
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []map[string]any{
		{"Effect": "Allow", "Action": []string{"ec2:RunInstances", "ec2:Describe*"}, "Resource": "*"},
		// The policy forbids instances without our tags.
		{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*",
			"Condition": map[string]any{"Null": map[string]string{"aws:RequestTag/ec2-github-runner:nonce": "true"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, simulator.Config{Policy: simulator.Policy{Document: string(document)}}, func(ctx context.Context,
		t *testing.T, world *simulator.World, client *ec2.Client) {
		_, trail, _ := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
		last := trail[len(trail)-1].Err
		if text := last.Error(); len(trail) != 2 || !strings.HasPrefix(text,
			"run instances: UnauthorizedOperation: ") ||
			!strings.Contains(text, "is not authorized to perform: ec2:CreateTags on resource: "+
				"arn:aws:ec2:us-east-1:123456789012:instance/* because no identity-based policy allows") {
			t.Errorf("trail of %d, error %v", len(trail), last)
		}
		if !strings.Contains(refusal.Reason(last), "without this action's own tags: UnauthorizedOperation: ") {
			t.Errorf("the second denial is not told: %s", refusal.Reason(last))
		}
		if hint := refusal.HintOf(last); !strings.HasPrefix(hint,
			"allow ec2:CreateTags on arn:aws:ec2:us-east-1:123456789012:instance/*: ") {
			t.Errorf("hint %q", hint)
		}
	})
}

// TestNoSecondTryForWhatIsNotTags: a denial of a resource that the launch uses, or of its role, does not depend on
// tags.
func TestNoSecondTryForWhatIsNotTags(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		deniedText("subnet/subnet-1", "because no identity-based policy allows the ec2:RunInstances action"),
		deniedText("image/ami-1", explicitly),
		"User: u is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r because no " +
			"identity-based policy allows the iam:PassRole action",
	} {
		fault := simulator.Fault{Match: simulator.Match{Operation: "RunInstances"}, Effect: simulator.EffectError,
			Code: "UnauthorizedOperation", Message: message}
		inBubble(t, simulator.Config{Faults: []simulator.Fault{fault}}, func(ctx context.Context, t *testing.T,
			world *simulator.World, client *ec2.Client) {
			_, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
			if calls := len(tokens(world)); calls != 1 || err == nil {
				t.Errorf("%s: %d calls, error %v", message, calls, err)
			}
		})
	}
}

package ec2

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

func TestFamily(t *testing.T) {
	for name, want := range map[string]string{"t3.xlarge": "t", "g4dn.xlarge": "g", "inf1.xlarge": "inf",
		"vt1.3xlarge": "vt", "u-6tb1.metal": "u-", "odd": "odd"} {
		if got := family(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestRefusalsOfOtherServices: the two formats of AWS's error responses, and responses in neither.
func TestRefusalsOfOtherServices(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       refusal.Class
		code       string
	}{
		{"XML", `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>` +
			`<Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`, 403, refusal.Denied,
			"AccessDenied"},
		{"JSON", `{"__type":"AccessDeniedException","Message":"no"}`, 400, refusal.Denied, "AccessDeniedException"},
		{"JSON with a namespace", `{"__type":"com.amazonaws.servicequotas#TooManyRequestsException","message":"slow"}`,
			429,
			refusal.Throttle, "TooManyRequestsException"},
		{"a proxy's page", `<html>502</html>`, 502, refusal.Unknown, ""},
		{"nothing", ``, 500, refusal.Unknown, ""},
	} {
		err := answerError("ask", &http.Response{StatusCode: c.status, Status: "status"}, []byte(c.body))
		call, _ := errors.AsType[*refusal.CallError](err)
		if refusal.ClassOf(err) != c.want || call.Code != c.code {
			t.Errorf("%s: got class %d and code %q, want %d and %q", c.name, refusal.ClassOf(err), call.Code, c.want,
				c.code)
		}
	}
}

func TestEgressRules(t *testing.T) {
	for _, c := range []struct {
		rule EgressRule
		want bool
	}{
		{EgressRule{Protocol: "-1"}, true},
		{EgressRule{Protocol: "tcp", From: 443, To: 443}, true},
		{EgressRule{Protocol: "6", From: 0, To: 65535}, true},
		{EgressRule{Protocol: "tcp", From: 444, To: 500}, false},
		{EgressRule{Protocol: "udp", From: 443, To: 443}, false},
	} {
		if got := c.rule.Lets(443); got != c.want {
			t.Errorf("%+v: got %t", c.rule, got)
		}
	}
}

func TestRoutesKeepTheirTargets(t *testing.T) {
	got := plainly([]types.Route{
		{DestinationCidrBlock: aws.String("10.0.0.0/8"), GatewayId: aws.String("local"), State: types.RouteStateActive},
		{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-1"),
			State: types.RouteStateBlackhole},
		{DestinationIpv6CidrBlock: aws.String("::/0"), EgressOnlyInternetGatewayId: aws.String("eigw-1"),
			State: types.RouteStateActive},
	}, plainRoute)
	want := []Route{{"10.0.0.0/8", "local", true}, {"0.0.0.0/0", "nat-1", false}, {"", "", true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// TestAskedIsTheRequest: a check sees the content of the request, launch-parameters included.
func TestAskedIsTheRequest(t *testing.T) {
	spec := LaunchSpec{UserData: func(int) []byte { return nil }, Token: func(int, int) string { return "t" }}
	offering := Offering{Placement: machine.Placement{ImageID: "ami-1", SubnetID: "subnet-1",
		SecurityGroupIDs: []string{"sg-1"}},
		InstanceType: "t3.xlarge"}
	for _, c := range []struct {
		parameters, subnet, kind string
		public                   *bool
	}{
		{``, "subnet-1", "t3.xlarge", nil},
		{`{"SubnetId":"subnet-2","InstanceType":"m5.large"}`, "subnet-2", "m5.large", nil},
		{`{"NetworkInterfaces":[{"AssociatePublicIpAddress":true}]}`, "subnet-1", "t3.xlarge", new(true)},
		{`{"NetworkInterfaces":[{"AssociatePublicIpAddress":false,"SubnetId":"subnet-3"}]}`, "subnet-3", "t3.xlarge",
			new(false)},
	} {
		var err error
		if spec.Overlay, _, err = CheckParameter("launch-parameters", c.parameters); err != nil {
			t.Fatal(err)
		}
		asked, public, err := spec.Asked(0, offering)
		if err != nil || asked.Placement.SubnetID != c.subnet || asked.InstanceType != c.kind ||
			!cmp.Equal(public, c.public) || asked.Placement.ImageID != "ami-1" {
			t.Errorf("%s: got %+v, %v and %v", c.parameters, asked, public, err)
		}
	}
}

func TestIAMBelongsToThePartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "iam.amazonaws.com us-east-1", "cn-north-1": "iam.cn-north-1.amazonaws.com.cn cn-north-1",
		"us-gov-east-1": "iam.us-gov.amazonaws.com us-gov-west-1",
	} {
		if got := iamHost(region) + " " + iamRegion(region); got != want {
			t.Errorf("%s: got %s", region, got)
		}
	}
}

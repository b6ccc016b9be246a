package ec2

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// The states of an instance, as EC2 names them.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Terminated   = "terminated"
	Stopping     = "stopping"
	Stopped      = "stopped"
)

// Instance is an EC2 instance as DescribeInstances returns it.
type Instance struct {
	ID           string
	Region       string
	State        string
	StateReason  string    // as in "Server.InternalError: …"; may be empty
	ChangedAt    time.Time // when the state last changed; zero if EC2 does not report it
	Type         string
	Market       string
	ImageID      string
	SubnetID     string
	Zone         string
	Architecture string
	ClientToken  string
	PrivateIP    string
	SpotRequest  string // id of the spot request; empty for other markets
	LaunchIndex  int    // index within its RunInstances call
	Offering     int    // index of the offering that it was launched from, set by a launch
	LaunchTime   time.Time
	Tags         map[string]string
}

// Alive reports whether the instance is neither terminated nor about to be.
func (i Instance) Alive() bool { return i.State != Terminated && i.State != ShuttingDown }

// IsOn reports whether the instance runs or is about to.
func (i Instance) IsOn() bool { return i.State == Running || i.State == Pending }

// Selector selects instances; every field that is set must match. Values may contain the wildcards * and ?.
type Selector struct {
	IDs         []string
	ClientToken string
	// TokenTag is the key of a tag that also contains the client token. With it, ClientToken matches either, since it
	// is not known whether EC2 returns the client token of spot instances.
	TokenTag string
	Tags     map[string]string
	States   []string
}

func (s Selector) filters() []types.Filter {
	return withTags(filters(map[string][]string{
		"instance-id": s.IDs, "client-token": optional(s.ClientToken), "instance-state-name": s.States,
	}), s.Tags)
}

// Instances returns the selected instances of a region. Missing instances are left out, and so are new ones that EC2
// does not show yet, which takes some seconds.
func (c *Client) Instances(ctx context.Context, region string, selector Selector) ([]Instance, error) {
	found, err := c.list(ctx, region, selector)
	if err != nil || selector.ClientToken == "" || selector.TokenTag == "" {
		return found, err
	}
	tags := map[string]string{selector.TokenTag: selector.ClientToken}
	maps.Copy(tags, selector.Tags)
	selector.ClientToken, selector.Tags = "", tags
	tagged, err := c.list(ctx, region, selector)
	for _, instance := range tagged {
		if !slices.ContainsFunc(found, func(i Instance) bool { return i.ID == instance.ID }) {
			found = append(found, instance)
		}
	}
	return found, err
}

func (c *Client) list(
	ctx context.Context, region string, selector Selector, options ...func(*sdk.Options),
) ([]Instance, error) {
	ids := selector.IDs
	var found []Instance
	for {
		selector.IDs = ids[:min(len(ids), maxFilterValues)]
		in := &sdk.DescribeInstancesInput{MaxResults: aws.Int32(perPage), Filters: selector.filters()}
		pages := sdk.NewDescribeInstancesPaginator(c.in(region), in)
		some, err := collect(ctx, "describe instances", pages, func(page *sdk.DescribeInstancesOutput) []Instance {
			return c.instances(region, page.Reservations)
		}, options...)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if ids = ids[len(selector.IDs):]; len(ids) == 0 {
			return found, nil
		}
	}
}

// Instance returns an instance by its id. If EC2 does not know it, the error is of class NotFound.
func (c *Client) Instance(ctx context.Context, region, id string) (Instance, error) {
	out, err := c.in(region).DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return Instance{}, refusal.Of("describe instance "+id, err)
	}
	if found := c.instances(region, out.Reservations); len(found) > 0 {
		return found[0], nil
	}
	return Instance{}, &refusal.CallError{Operation: "describe instance " + id, Code: "InvalidInstanceID.NotFound",
		Message: "the response is empty"}
}

func (c *Client) instances(region string, reservations []types.Reservation) []Instance {
	region = cmp.Or(region, c.Region())
	var found []Instance
	for _, reservation := range reservations {
		for _, instance := range reservation.Instances {
			found = append(found, plain(region, instance))
		}
	}
	return found
}

func plain(region string, in types.Instance) Instance {
	out := Instance{
		ID: aws.ToString(in.InstanceId), Region: region, Type: string(in.InstanceType), Market: machine.OnDemand,
		ImageID: aws.ToString(in.ImageId), SubnetID: aws.ToString(in.SubnetId), Architecture: string(in.Architecture),
		ClientToken: aws.ToString(in.ClientToken), PrivateIP: aws.ToString(in.PrivateIpAddress),
		LaunchIndex: int(aws.ToInt32(in.AmiLaunchIndex)),
		LaunchTime:  aws.ToTime(in.LaunchTime), Tags: plainTags(in.Tags),
		StateReason: plainReason(in.StateReason), ChangedAt: transitionTime(aws.ToString(in.StateTransitionReason)),
	}
	if in.State != nil {
		out.State = string(in.State.Name)
	}
	if in.InstanceLifecycle == types.InstanceLifecycleTypeSpot {
		out.Market, out.SpotRequest = machine.Spot, aws.ToString(in.SpotInstanceRequestId)
	}
	if in.Placement != nil {
		out.Zone = aws.ToString(in.Placement.AvailabilityZone)
	}
	return out
}

// Terminate terminates instances of a region. It is idempotent: an instance that is already terminated is a success.
// EC2 refuses the whole batch if one id is unknown, so callers that are not sure of each terminate one at a time. A
// terminated instance loses its tags after a while, and a policy that depends on tags then denies its termination: that
// is a success too. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
func (c *Client) Terminate(ctx context.Context, region string, ids ...string) error {
	_, err := c.in(region).TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: ids})
	err = refusal.Of("terminate "+strings.Join(ids, ", "), err)
	if refusal.ClassOf(err) == refusal.Denied && len(ids) == 1 {
		if instance, lookErr := c.Instance(ctx, region, ids[0]); lookErr == nil && instance.State == Terminated {
			return nil
		}
	}
	return err
}

// Tag sets tags on an existing resource.
func (c *Client) Tag(ctx context.Context, region, id string, tags map[string]string) error {
	return c.TagAll(ctx, region, []string{id}, tags)
}

// maxResources is how many resources EC2 tags in one call.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
const maxResources = 1000

// TagAll sets the same tags on several resources.
func (c *Client) TagAll(ctx context.Context, region string, ids []string, tags map[string]string) error {
	for batch := range slices.Chunk(ids, maxResources) {
		_, err := c.in(region).CreateTags(ctx, &sdk.CreateTagsInput{Resources: batch, Tags: sdkTags(tags)})
		if err != nil {
			return refusal.Of("tag "+strings.Join(batch, ", "), err)
		}
	}
	return nil
}

// Console returns the last 64 KB that the instance wrote to its serial console. Types other than Nitro only have the
// output that EC2 posted some time after the last change of state; for Nitro types it is used if the latest output is
// empty. It needs ec2:GetConsoleOutput, which is optional: denied reports whether EC2 denies it. Right after the launch
// a policy with conditions on tags may deny it once.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func (c *Client) Console(ctx context.Context, region, id string) (text string, denied bool, err error) {
	return optionalRead(c.console(ctx, region, id))
}

func (c *Client) console(ctx context.Context, region, id string) (string, error) {
	in := &sdk.GetConsoleOutputInput{InstanceId: aws.String(id), Latest: aws.Bool(true)}
	out, err := c.in(region).GetConsoleOutput(ctx, in)
	// UnsupportedOperation: only Nitro supports Latest.
	refused := refusal.ClassOf(refusal.Of("", err)) == refusal.Impossible
	if refused || (err == nil && aws.ToString(out.Output) == "") {
		in.Latest = nil
		posted, postedErr := c.in(region).GetConsoleOutput(ctx, in)
		if refused || postedErr == nil {
			out, err = posted, postedErr
		}
	}
	if err != nil {
		return "", refusal.Of("get console output of "+id, err)
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	if err != nil {
		return "", &refusal.CallError{Operation: "get console output of " + id, Message: "the output is not base64",
			Err: err}
	}
	return string(text), nil
}

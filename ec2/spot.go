package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Interrupted is a spot instance that EC2 has taken.
type Interrupted struct {
	InstanceID string
	Region     string
	Tags       map[string]string // of the instance, or of its request
}

// requestsEnded are the status codes of spot requests whose instance EC2 has terminated. The end by a user has a code
// of its own. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html
var requestsEnded = []string{
	"instance-terminated-by-price", "instance-terminated-by-schedule", "instance-terminated-by-service",
	"instance-terminated-capacity-oversubscribed", "instance-terminated-launch-group-constraint",
	"instance-terminated-no-capacity",
}

// InterruptedInstances lists the spot instances with these tags that EC2 has taken, as far as it still knows of them: a
// terminated instance is shown for an hour and may lose its tags before, its spot request keeps them for longer. Where
// the requests may not be looked at the instances are returned beside the error.
func (c *Client) InterruptedInstances(ctx context.Context, region string, tags map[string]string) ([]Interrupted,
	error) {
	found := map[string]Interrupted{}
	ended, err := c.Instances(ctx, region, Selector{Tags: tags, States: []string{ShuttingDown, Terminated}})
	if err != nil {
		return nil, err
	}
	for _, i := range ended {
		if i.Ending() == EndingSpot {
			found[i.ID] = Interrupted{InstanceID: i.ID, Region: region, Tags: i.Tags}
		}
	}
	pages := sdk.NewDescribeSpotInstanceRequestsPaginator(c.in(region), &sdk.DescribeSpotInstanceRequestsInput{
		MaxResults: aws.Int32(perPage),
		Filters:    withTags(filters(map[string][]string{"status-code": requestsEnded}), tags),
	})
	requests, err := collect(ctx, "describe spot instance requests", pages,
		func(page *sdk.DescribeSpotInstanceRequestsOutput) []types.SpotInstanceRequest {
			return page.SpotInstanceRequests
		})
	// its tags name the runner, where machines that were launched together share theirs
	for _, request := range requests {
		if id := aws.ToString(request.InstanceId); id != "" {
			found[id] = Interrupted{InstanceID: id, Region: region, Tags: plainTags(request.Tags)}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Interrupted) int {
		return strings.Compare(a.InstanceID, b.InstanceID)
	}), err
}

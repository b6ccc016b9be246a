package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Interrupted is a spot instance that EC2 has interrupted.
type Interrupted struct {
	InstanceID string
	Region     string
	Tags       map[string]string // of the instance, or of its request
	Ended      time.Time         // zero if EC2 does not say
}

// requestsEnded are the status codes of spot requests whose instance EC2 has terminated. A termination by the user has
// another code. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html
var requestsEnded = []string{
	"instance-terminated-by-price", "instance-terminated-by-schedule", "instance-terminated-by-service",
	"instance-terminated-capacity-oversubscribed", "instance-terminated-launch-group-constraint",
	"instance-terminated-no-capacity",
}

// InterruptedInstances returns the spot instances with these tags that EC2 has interrupted, as far as EC2 still knows
// them: a terminated instance is shown for an hour and may lose its tags earlier, while its spot request keeps them
// longer. If the spot requests cannot be read, it returns the instances and the error. They need
// ec2:DescribeSpotInstanceRequests, which is optional: denied reports whether EC2 denies it.
func (c *Client) InterruptedInstances(ctx context.Context, region string, tags map[string]string) (list []Interrupted,
	denied bool, err error) {
	found := map[string]Interrupted{}
	ended, err := c.Instances(ctx, region, Selector{Tags: tags, States: []string{ShuttingDown, Terminated}})
	if err != nil {
		return optionalRead(list, err)
	}
	for _, i := range ended {
		if i.Ending() == EndingSpot {
			found[i.ID] = Interrupted{InstanceID: i.ID, Region: region, Tags: i.Tags, Ended: i.ChangedAt}
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
	// The tags of a request name its runner; machines that were launched together share their instance tags.
	for _, request := range requests {
		if id := aws.ToString(request.InstanceId); id != "" {
			found[id] = Interrupted{InstanceID: id, Region: region, Tags: plainTags(request.Tags),
				Ended: statusTime(request)}
		}
	}
	return optionalRead(slices.SortedFunc(maps.Values(found), func(a, b Interrupted) int {
		return strings.Compare(a.InstanceID, b.InstanceID)
	}), err)
}

// statusTime returns when a request got its status, which is when its instance was terminated: EC2 puts no such time on
// a spot instance that it has reclaimed.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotInstanceStatus.html
func statusTime(request types.SpotInstanceRequest) time.Time {
	if request.Status == nil {
		return time.Time{}
	}
	return aws.ToTime(request.Status.UpdateTime)
}

package ec2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// VolumeAvailable is the state of a volume that is attached to nothing.
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
const VolumeAvailable = string(types.VolumeStateAvailable)

// Volume is one EBS volume as DescribeVolumes shows it. Which instance a detached one had, EC2 does not say.
type Volume struct {
	ID, Region string
	State      string
	Attached   bool // to an instance, stopped ones too
	GiB        int32
	Created    time.Time
	Tags       map[string]string
}

// volumesPerPage is the size of a page: the most that EC2 gives in one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
const volumesPerPage = 500

// Volumes lists a region's volumes in a state with the tags. It needs ec2:DescribeVolumes.
func (c *Client) Volumes(ctx context.Context, region, state string, tags map[string]string) ([]Volume, error) {
	in := &sdk.DescribeVolumesInput{
		MaxResults: aws.Int32(volumesPerPage), Filters: withTags(filters(map[string][]string{"status": {state}}), tags),
	}
	pages := sdk.NewDescribeVolumesPaginator(c.in(region), in)
	return collect(ctx, "describe volumes", pages, func(page *sdk.DescribeVolumesOutput) []Volume {
		return plainly(page.Volumes, func(v types.Volume) Volume { return plainVolume(region, v) })
	})
}

// Volume looks one volume up by its id, so that EC2 itself says whether it knows it: an error of class NotFound.
func (c *Client) Volume(ctx context.Context, region, id string) (Volume, error) {
	out, err := c.in(region).DescribeVolumes(ctx, &sdk.DescribeVolumesInput{VolumeIds: []string{id}})
	if err != nil {
		return Volume{}, refusal.Of("describe volume "+id, err)
	}
	if len(out.Volumes) == 0 {
		return Volume{}, &refusal.CallError{Operation: "describe volume " + id, Code: "InvalidVolume.NotFound",
			Message: "the answer is empty"}
	}
	return plainVolume(region, out.Volumes[0]), nil
}

// DeleteVolume deletes a volume. EC2 refuses one that is attached, by an error of class WrongState; one that is gone is
// a success. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html
func (c *Client) DeleteVolume(ctx context.Context, region, id string) error {
	_, err := c.in(region).DeleteVolume(ctx, &sdk.DeleteVolumeInput{VolumeId: aws.String(id)})
	if err = refusal.Of("delete volume "+id, err); refusal.ClassOf(err) == refusal.NotFound {
		return nil
	}
	return err
}

func plainVolume(region string, in types.Volume) Volume {
	return Volume{
		ID: aws.ToString(in.VolumeId), Region: region, State: string(in.State), Attached: len(in.Attachments) > 0,
		GiB: aws.ToInt32(in.Size), Created: aws.ToTime(in.CreateTime), Tags: plainTags(in.Tags),
	}
}

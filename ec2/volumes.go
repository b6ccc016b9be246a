package ec2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// VolumeAvailable is the state of a detached volume.
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-describing-volumes.html
const VolumeAvailable = string(types.VolumeStateAvailable)

// Volume is an EBS volume as DescribeVolumes returns it. EC2 does not report the former instance of a detached volume.
type Volume struct {
	ID, Region string
	State      string
	Attached   bool // to an instance, which may be stopped
	GiB        int32
	Created    time.Time
	Tags       map[string]string
}

// volumesPerPage is the maximum page size.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
const volumesPerPage = 500

// Volumes returns a region's volumes in a state and with the tags. It needs ec2:DescribeVolumes, which is optional:
// denied reports whether EC2 denies it.
func (c *Client) Volumes(ctx context.Context, region, state string, tags map[string]string) (list []Volume, denied bool,
	err error) {
	in := &sdk.DescribeVolumesInput{
		MaxResults: aws.Int32(volumesPerPage), Filters: withTags(filters(map[string][]string{"status": {state}}), tags),
	}
	pages := sdk.NewDescribeVolumesPaginator(c.in(region), in)
	return optionalRead(collect(ctx, "describe volumes", pages, func(page *sdk.DescribeVolumesOutput) []Volume {
		return plainly(page.Volumes, func(v types.Volume) Volume { return plainVolume(region, v) })
	}))
}

// Volume returns a volume by its id. If EC2 does not know it, the error is of class NotFound.
func (c *Client) Volume(ctx context.Context, region, id string) (Volume, error) {
	out, err := c.in(region).DescribeVolumes(ctx, &sdk.DescribeVolumesInput{VolumeIds: []string{id}})
	if err != nil {
		return Volume{}, refusal.Of("describe volume "+id, err)
	}
	if len(out.Volumes) == 0 {
		return Volume{}, &refusal.CallError{Operation: "describe volume " + id, Code: "InvalidVolume.NotFound",
			Message: "the response is empty"}
	}
	return plainVolume(region, out.Volumes[0]), nil
}

// DeleteVolume deletes a volume; a missing one is a success. EC2 refuses to delete an attached one with an error of
// class WrongState. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html
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

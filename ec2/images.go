package ec2

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// The states of an image that matter here, as EC2 names them.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html
const (
	ImagePending   = "pending"
	ImageAvailable = "available"
	ImageFailed    = "failed"
)

// Self stands for the account of the caller, as an owner of images.
const Self = "self"

// ImageQuery states which images to list; all that is set must hold. Values may hold the wildcards * and ?.
type ImageQuery struct {
	Owner        string // account id or Self: an image of anybody else's may carry any name and any tags
	Name         string
	Architecture string // x86_64, arm64
	States       []string
	Tags         map[string]string
}

// Images lists images, the newest first. It needs ec2:DescribeImages.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func (c *Client) Images(ctx context.Context, region string, query ImageQuery) ([]Image, error) {
	in := &sdk.DescribeImagesInput{MaxResults: aws.Int32(perPage), Owners: []string{query.Owner}}
	add := func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			in.Filters = append(in.Filters, types.Filter{Name: aws.String(name), Values: values})
		}
	}
	add("name", query.Name)
	add("architecture", query.Architecture)
	add("state", query.States...)
	for _, key := range sortedKeys(query.Tags) {
		add("tag:"+key, query.Tags[key])
	}
	return c.listImages(ctx, region, in)
}

func (c *Client) listImages(ctx context.Context, region string, in *sdk.DescribeImagesInput) ([]Image, error) {
	var images []Image
	for pages := sdk.NewDescribeImagesPaginator(c.in(region), in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, callError("describe images", err)
		}
		for _, image := range page.Images {
			images = append(images, plainImage(image))
		}
	}
	slices.SortStableFunc(images, func(a, b Image) int { return cmp.Compare(b.Created, a.Created) })
	return images, nil
}

// Snapshot is an EBS snapshot of the account.
type Snapshot struct {
	ID   string
	Tags map[string]string
}

// Snapshots lists the account's own snapshots with the tags. It needs ec2:DescribeSnapshots.
func (c *Client) Snapshots(ctx context.Context, region string, tags map[string]string) ([]Snapshot, error) {
	in := &sdk.DescribeSnapshotsInput{MaxResults: aws.Int32(perPage), OwnerIds: []string{Self}}
	for _, key := range sortedKeys(tags) {
		in.Filters = append(in.Filters, types.Filter{Name: aws.String("tag:" + key), Values: []string{tags[key]}})
	}
	var list []Snapshot
	for pages := sdk.NewDescribeSnapshotsPaginator(c.in(region), in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, callError("describe snapshots", err)
		}
		for _, found := range page.Snapshots {
			plain := Snapshot{ID: aws.ToString(found.SnapshotId), Tags: map[string]string{}}
			for _, tag := range found.Tags {
				plain.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			list = append(list, plain)
		}
	}
	return list, nil
}

// ImageUses returns by image id what uses the images: an instance that is not terminated, stopped ones too, or a
// version of a launch template. It needs ec2:DescribeInstances, ec2:DescribeLaunchTemplates and
// ec2:DescribeLaunchTemplateVersions; where one is denied, nothing is known, and the error says so.
func (c *Client) ImageUses(ctx context.Context, region string, ids []string) (map[string]string, error) {
	uses := map[string]string{}
	for batch := range slices.Chunk(ids, maxFilterValues) {
		filters := []types.Filter{
			{Name: aws.String("image-id"), Values: batch},
			{Name: aws.String("instance-state-name"), Values: []string{Pending, Running, ShuttingDown, Stopping, Stopped}},
		}
		in := &sdk.DescribeInstancesInput{MaxResults: aws.Int32(perPage), Filters: filters}
		for pages := sdk.NewDescribeInstancesPaginator(c.in(region), in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, callError("describe instances", err)
			}
			for _, instance := range c.instances(region, page.Reservations) {
				uses[instance.ImageID] = "instance " + instance.ID
			}
		}
	}
	return uses, c.templateUses(ctx, region, ids, uses)
}

// templateUses looks through every version of every launch template: a group that scales may be bound to an old one.
func (c *Client) templateUses(ctx context.Context, region string, ids []string, uses map[string]string) error {
	in := &sdk.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(perSmallPage)}
	for pages := sdk.NewDescribeLaunchTemplatesPaginator(c.in(region), in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return callError("describe launch templates", err)
		}
		for _, template := range page.LaunchTemplates {
			versions := sdk.NewDescribeLaunchTemplateVersionsPaginator(c.in(region), &sdk.DescribeLaunchTemplateVersionsInput{
				MaxResults: aws.Int32(perSmallPage), LaunchTemplateId: template.LaunchTemplateId,
			})
			for versions.HasMorePages() {
				page, err := versions.NextPage(ctx)
				if err != nil {
					return callError("describe versions of launch template "+aws.ToString(template.LaunchTemplateId), err)
				}
				for _, version := range page.LaunchTemplateVersions {
					if data := version.LaunchTemplateData; data != nil && slices.Contains(ids, aws.ToString(data.ImageId)) {
						uses[aws.ToString(data.ImageId)] = "launch template " + aws.ToString(template.LaunchTemplateId)
					}
				}
			}
		}
	}
	return nil
}

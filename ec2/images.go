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

// ImageQuery selects images; every field that is set must match. Values may contain the wildcards * and ?.
type ImageQuery struct {
	Owner        string // account id or Self: other accounts' images may have any name and tags
	Name         string
	Architecture string // x86_64, arm64
	States       []string
	Tags         map[string]string
}

// Images creates and reads the account's images and their snapshots.
type Images struct{ client *Client }

// Images returns the client's operations on images.
func (c *Client) Images() Images { return Images{c} }

// List returns images, the newest first. It needs ec2:DescribeImages.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func (i Images) List(ctx context.Context, region string, query ImageQuery) ([]Image, error) {
	in := &sdk.DescribeImagesInput{
		MaxResults: aws.Int32(perPage), Owners: []string{query.Owner},
		Filters: withTags(filters(map[string][]string{
			"name": optional(query.Name), "architecture": optional(query.Architecture), "state": query.States,
		}), query.Tags),
	}
	pages := sdk.NewDescribeImagesPaginator(i.client.in(region), in)
	images, err := collect(ctx, "describe images", pages, func(page *sdk.DescribeImagesOutput) []Image {
		return plainly(page.Images, plainImage)
	})
	slices.SortStableFunc(images, func(a, b Image) int { return cmp.Compare(b.Created, a.Created) })
	return images, err
}

// Snapshot is an EBS snapshot of the account.
type Snapshot struct {
	ID       string
	Progress string // "40%"
	Tags     map[string]string
}

// Snapshots returns the account's own snapshots with the tags. It needs ec2:DescribeSnapshots.
func (i Images) Snapshots(ctx context.Context, region string, tags map[string]string) ([]Snapshot, error) {
	in := &sdk.DescribeSnapshotsInput{
		MaxResults: aws.Int32(perPage), OwnerIds: []string{Self}, Filters: withTags(nil, tags),
	}
	pages := sdk.NewDescribeSnapshotsPaginator(i.client.in(region), in)
	return collect(ctx, "describe snapshots", pages, func(page *sdk.DescribeSnapshotsOutput) []Snapshot {
		return plainly(page.Snapshots, func(s types.Snapshot) Snapshot {
			return Snapshot{ID: aws.ToString(s.SnapshotId), Progress: aws.ToString(s.Progress), Tags: plainTags(s.Tags)}
		})
	})
}

// Uses returns what uses the images, by image id: an instance that is not terminated, even if it is stopped, or a
// version of a launch template. It needs ec2:DescribeInstances, ec2:DescribeLaunchTemplates and
// ec2:DescribeLaunchTemplateVersions. If one of them is denied it returns the error, and the uses are not known.
func (i Images) Uses(ctx context.Context, region string, ids []string) (map[string]string, error) {
	uses := map[string]string{}
	for batch := range slices.Chunk(ids, maxFilterValues) {
		in := &sdk.DescribeInstancesInput{MaxResults: aws.Int32(perPage), Filters: filters(map[string][]string{
			"image-id": batch, "instance-state-name": {Pending, Running, ShuttingDown, Stopping, Stopped},
		})}
		pages := sdk.NewDescribeInstancesPaginator(i.client.in(region), in)
		found, err := collect(ctx, "describe instances", pages, func(page *sdk.DescribeInstancesOutput) []Instance {
			return i.client.instances(region, page.Reservations)
		})
		if err != nil {
			return nil, err
		}
		for _, instance := range found {
			uses[instance.ImageID] = "instance " + instance.ID
		}
	}
	return uses, i.templateUses(ctx, region, ids, uses)
}

// templateUses adds the uses by all versions of all launch templates: an Auto Scaling group may use an old version.
func (i Images) templateUses(ctx context.Context, region string, ids []string, uses map[string]string) error {
	in := &sdk.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(perSmallPage)}
	pages := sdk.NewDescribeLaunchTemplatesPaginator(i.client.in(region), in)
	templates, err := collect(ctx, "describe launch templates", pages,
		func(page *sdk.DescribeLaunchTemplatesOutput) []string {
			return plainly(page.LaunchTemplates,
				func(t types.LaunchTemplate) string { return aws.ToString(t.LaunchTemplateId) })
		})
	if err != nil {
		return err
	}
	for _, template := range templates {
		in := &sdk.DescribeLaunchTemplateVersionsInput{
			MaxResults: aws.Int32(perSmallPage), LaunchTemplateId: aws.String(template),
		}
		pages := sdk.NewDescribeLaunchTemplateVersionsPaginator(i.client.in(region), in)
		versions, err := collect(ctx, "describe versions of launch template "+template, pages,
			func(page *sdk.DescribeLaunchTemplateVersionsOutput) []types.LaunchTemplateVersion {
				return page.LaunchTemplateVersions
			})
		if err != nil {
			return err
		}
		for _, version := range versions {
			if data := version.LaunchTemplateData; data != nil && slices.Contains(ids, aws.ToString(data.ImageId)) {
				uses[aws.ToString(data.ImageId)] = "launch template " + template
			}
		}
	}
	return nil
}

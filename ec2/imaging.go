package ec2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// ImageSpec describes an image of a stopped instance. CreateImage takes no client token: an image whose response was
// lost is found by its name, which is unique in account and region, and by Tags, which must be unique too.
type ImageSpec struct {
	InstanceID  string
	Name        string // 3 to 128 characters
	Description string
	Tags        map[string]string // on the image and on its snapshots
}

// Create starts to create an image and returns its id; the image is pending. An error of class Taken means that another
// image of the account has the name, one of class Unknown that EC2 may have started to create the image. If the context
// ends during the call, its response is awaited for cancelGrace, since an unknown image would stay.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
func (i Images) Create(ctx context.Context, region string, spec ImageSpec) (id string, err error) {
	var last, lost error // lost is the last error without a readable response
	tries := 0           // since the first lost response
	err = repeat(ctx, time.Second, 10*time.Second, throttleTotal, func() error {
		if ctx.Err() != nil {
			return backoff.Permanent(cmp.Or(last, fmt.Errorf("create image %s: %w: %w", spec.Name, refusal.ErrNotSent,
				ctx.Err())))
		}
		if id, last = i.create(ctx, region, spec); last == nil {
			return nil
		}
		class := refusal.ClassOf(last)
		if class == refusal.Unknown {
			lost = last
		}
		if lost == nil {
			if class == refusal.Throttle {
				return last
			}
			return backoff.Permanent(last)
		}
		if id = i.begun(ctx, region, spec); id != "" {
			return nil
		}
		// If the name is taken after a response was lost, this call's image most likely has it and appears soon.
		if tries++; tries < maxUnknown && (class == refusal.Unknown || class == refusal.Taken ||
			class == refusal.Throttle) {
			return last
		}
		if class == refusal.Taken {
			last = lost
		}
		return backoff.Permanent(last)
	})
	return id, err
}

func (i Images) create(ctx context.Context, region string, spec ImageSpec) (string, error) {
	outlived, done := outlive(ctx)
	defer done()
	tags := sdkTags(spec.Tags)
	out, err := i.client.in(region).CreateImage(outlived, &sdk.CreateImageInput{
		InstanceId: aws.String(spec.InstanceID), Name: aws.String(spec.Name), Description: text(spec.Description),
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: tags},
			{ResourceType: types.ResourceTypeSnapshot, Tags: tags},
		},
	}, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return "", refusal.Of("create image "+spec.Name, err)
	}
	if id := aws.ToString(out.ImageId); id != "" {
		return id, nil
	}
	return "", &refusal.CallError{Operation: "create image " + spec.Name, Message: "the response contains no image id"}
}

// begun returns the id of the image whose response was lost, or "" if it is not visible.
func (i Images) begun(ctx context.Context, region string, spec ImageSpec) string {
	images, err := i.List(ctx, region, ImageQuery{Owner: Self, Name: spec.Name, Tags: spec.Tags})
	if err != nil || len(images) == 0 {
		return ""
	}
	return images[0].ID
}

// Remove deregisters one of the account's images and deletes its snapshots: EC2 deletes them with the image, or else
// they are deleted one by one. Missing ones count as success. A snapshot that another image uses is kept, since EC2
// refuses to delete it. It needs ec2:DeregisterImage and ec2:DeleteSnapshot.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
func (i Images) Remove(ctx context.Context, region, id string, snapshots []string) error {
	out, err := i.client.in(region).DeregisterImage(ctx, &sdk.DeregisterImageInput{ImageId: aws.String(id),
		DeleteAssociatedSnapshots: aws.Bool(true)})
	if err = refusal.Of("deregister image "+id, err); err != nil && refusal.ClassOf(err) != refusal.NotFound {
		return err
	}
	deleted := map[string]bool{}
	if out != nil {
		for _, result := range out.DeleteSnapshotResults {
			deleted[aws.ToString(result.SnapshotId)] = result.ReturnCode == types.SnapshotReturnCodesSuccess ||
				result.ReturnCode == types.SnapshotReturnCodesWarnSkipped
		}
	}
	var errs []error
	for _, snapshot := range snapshots {
		if !deleted[snapshot] {
			errs = append(errs, i.DeleteSnapshot(ctx, region, snapshot))
		}
	}
	return errors.Join(errs...)
}

// DeleteSnapshot deletes a snapshot; a missing one is a success. EC2 refuses it while an image uses the snapshot.
func (i Images) DeleteSnapshot(ctx context.Context, region, id string) error {
	_, err := i.client.in(region).DeleteSnapshot(ctx, &sdk.DeleteSnapshotInput{SnapshotId: aws.String(id)})
	if err = refusal.Of("delete snapshot "+id, err); refusal.ClassOf(err) == refusal.NotFound {
		return nil
	}
	return err
}

package ec2

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// CopySpec describes a copy of one of the account's images into another region.
type CopySpec struct {
	SourceRegion string
	SourceID     string
	Name         string // 3 to 128 characters
	Description  string
	Tags         map[string]string // on the copy and on its snapshots
	// KMSKey encrypts the copy: the id, ARN or alias of a key in the target region. If it is empty, the copy is
	// encrypted if its source is or if the region's default says so.
	KMSKey string
	// Token is the client token of this copy, the same for each attempt; at most 64 ASCII characters.
	Token string
}

// Copy starts to copy an image into a region and returns the id of the copy, which is pending. An error of class
// Unknown means that EC2 may have started the copy, and refusal.IsCopyLimit that the region's limit of concurrent
// snapshot copies is reached. If the context ends during the call, its response is awaited for cancelGrace. A key that
// does not exist is not an error here: the copy fails later.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html
func (i Images) Copy(ctx context.Context, region string, spec CopySpec) (id string, err error) {
	var last error
	unknown := 0
	err = repeat(ctx, time.Second, 10*time.Second, throttleTotal, func() error {
		if ctx.Err() != nil {
			return backoff.Permanent(
				cmp.Or(last, fmt.Errorf("copy image %s to %s: %w: %w", spec.SourceID, region, refusal.ErrNotSent,
					ctx.Err())),
			)
		}
		id, last = i.copy(ctx, region, spec)
		switch refusal.ClassOf(last) {
		case refusal.Throttle:
			return last
		case refusal.Unknown: // the token makes it safe to repeat
			if unknown++; unknown < maxUnknown {
				return last
			}
		}
		if last != nil {
			return backoff.Permanent(last)
		}
		return nil
	})
	return id, err
}

func (i Images) copy(ctx context.Context, region string, spec CopySpec) (string, error) {
	outlived, done := outlive(ctx)
	defer done()
	tags := sdkTags(spec.Tags)
	in := &sdk.CopyImageInput{
		SourceRegion: aws.String(spec.SourceRegion), SourceImageId: aws.String(spec.SourceID),
		Name:        aws.String(spec.Name),
		Description: text(spec.Description), ClientToken: text(spec.Token), KmsKeyId: text(spec.KMSKey),
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: tags},
			{ResourceType: types.ResourceTypeSnapshot, Tags: tags},
		},
	}
	if spec.KMSKey != "" {
		in.Encrypted = aws.Bool(true)
	}
	operation := "copy image " + spec.SourceID + " to " + region
	out, err := i.client.in(region).CopyImage(outlived, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return "", refusal.Of(operation, err)
	}
	if id := aws.ToString(out.ImageId); id != "" {
		return id, nil
	}
	return "", &refusal.CallError{Operation: operation, Message: "the response contains no image id"}
}

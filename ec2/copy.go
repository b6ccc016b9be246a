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

// CopySpec is an image of the account to be copied into another region.
type CopySpec struct {
	SourceRegion string
	SourceID     string
	Name         string // 3 to 128 characters
	Description  string
	Tags         map[string]string // on the copy and on its snapshots
	// KMSKey encrypts the copy: the id, ARN or alias of a key in its region. Empty: a copy is encrypted as its source
	// is, or as the region's default says.
	KMSKey string
	// Token names this copy, the same each time it is asked again; at most 64 ASCII characters.
	Token string
}

// Copy begins the copy of an image into a region and returns its id; it is pending then. Errors of class Unknown
// say that EC2 may have begun it all the same, and refusal.IsCopyLimit that the region copies as many snapshots as it
// may. A call that is under way when the context ends is waited for a little while. A key that does not exist is no
// error here: the copy fails later. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html
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
		case refusal.Unknown: // the token makes it safe to ask again
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
	patient, done := outlive(ctx)
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
	out, err := i.client.in(region).CopyImage(patient, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return "", refusal.Of(operation, err)
	}
	if id := aws.ToString(out.ImageId); id != "" {
		return id, nil
	}
	return "", &refusal.CallError{Operation: operation, Message: "the answer names no image"}
}

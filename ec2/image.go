package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Image is what a launch needs to know about an AMI.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64, arm64, x86_64_mac, arm64_mac
	Platform     string // "windows", or empty
	RootDevice   string // /dev/sda1, /dev/xvda
	Created      string // RFC 3339, which sorts as text
	State        string // such as ImageAvailable
	StateReason  string // why it failed, as in "Client.InternalError: …"
	RootGiB      int32  // size of the root volume, 0 if EC2 does not report it
	Kept         []KeptVolume
	Snapshots    []string
	Owner        string // account id
	OwnerAlias   string // "amazon", "aws-marketplace", or empty
	Encrypted    bool   // all of its snapshots are encrypted
	NoENA        bool   // it lacks the driver of the elastic network adapter
	Tags         map[string]string
}

// Refusal returns why no runner can be started from the image, or "". Windows and macOS have no cloud-init.
func (i Image) Refusal() string {
	switch {
	case strings.EqualFold(i.Platform, "windows"):
		return "it is a Windows image"
	case strings.HasSuffix(i.Architecture, "_mac"):
		return "it is a macOS image"
	}
	return ""
}

// Get returns an AMI. It needs ec2:DescribeImages, which a launch does not: callers go on if it is denied.
func (i Images) Get(ctx context.Context, region, id string) (Image, error) {
	out, err := i.client.in(region).DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	if err != nil {
		return Image{}, refusal.Of("describe image "+id, err)
	}
	if len(out.Images) == 0 {
		return Image{}, &refusal.CallError{Operation: "describe image " + id, Code: "InvalidAMIID.NotFound",
			Message: "the response is empty"}
	}
	return plainImage(out.Images[0]), nil
}

// Newest returns the newest available image of this account with the tags; found is false if there is none.
func (i Images) Newest(ctx context.Context, region string, tags map[string]string) (newest Image, found bool,
	err error) {
	images, err := i.List(ctx, region, ImageQuery{Owner: Self, States: []string{ImageAvailable}, Tags: tags})
	if err != nil || len(images) == 0 {
		return Image{}, false, err
	}
	return images[0], true, nil
}

func plainImage(image types.Image) Image {
	plain := Image{
		State: string(image.State), Owner: aws.ToString(image.OwnerId), OwnerAlias: aws.ToString(image.ImageOwnerAlias),
		NoENA: image.EnaSupport != nil && !*image.EnaSupport,
		ID:    aws.ToString(image.ImageId), Name: aws.ToString(image.Name), Architecture: string(image.Architecture),
		Tags: plainTags(image.Tags), StateReason: plainReason(image.StateReason),
		Platform: string(image.Platform), RootDevice: aws.ToString(image.RootDeviceName),
		Created: aws.ToString(image.CreationDate),
	}
	plain.Encrypted = len(image.BlockDeviceMappings) > 0
	for _, device := range image.BlockDeviceMappings {
		if device.Ebs == nil {
			continue
		}
		plain.Encrypted = plain.Encrypted && aws.ToBool(device.Ebs.Encrypted)
		if aws.ToString(device.DeviceName) == plain.RootDevice {
			plain.RootGiB = aws.ToInt32(device.Ebs.VolumeSize)
		}
		if !aws.ToBool(device.Ebs.DeleteOnTermination) {
			plain.Kept = append(plain.Kept, KeptVolume{Device: aws.ToString(device.DeviceName),
				GiB: device.Ebs.VolumeSize})
		}
		if id := aws.ToString(device.Ebs.SnapshotId); id != "" {
			plain.Snapshots = append(plain.Snapshots, id)
		}
	}
	return plain
}

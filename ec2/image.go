package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Image is what a launch needs to know of an AMI.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64, arm64, x86_64_mac, arm64_mac
	Platform     string // "windows", or empty
	RootDevice   string // /dev/sda1, /dev/xvda
	Created      string // RFC 3339, which sorts as text
	State        string // ImageAvailable and so on
	StateReason  string // why it is failed: "Client.InternalError: …", empty while nothing is to be said
	RootGiB      int32  // size of the root volume that it makes, 0 where EC2 does not say
	Kept         []KeptVolume
	Snapshots    []string
	Owner        string // account id
	OwnerAlias   string // "amazon", "aws-marketplace", or empty
	Encrypted    bool   // all of its snapshots are
	NoENA        bool   // EC2 says that it lacks the elastic network adapter's driver
	Tags         map[string]string
}

// Refusal states why no runner can be started from the image, or is empty. Windows and macOS have no cloud-init.
func (i Image) Refusal() string {
	switch {
	case strings.EqualFold(i.Platform, "windows"):
		return "it is a Windows image"
	case strings.HasSuffix(i.Architecture, "_mac"):
		return "it is a macOS image"
	}
	return ""
}

// Get looks an AMI up. It needs ec2:DescribeImages, which a launch does without: callers go on when it is denied.
func (i Images) Get(ctx context.Context, region, id string) (Image, error) {
	out, err := i.client.in(region).DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	if err != nil {
		return Image{}, refusal.Of("describe image "+id, err)
	}
	if len(out.Images) == 0 {
		return Image{}, &refusal.CallError{Operation: "describe image " + id, Code: "InvalidAMIID.NotFound",
			Message: "the answer is empty"}
	}
	return plainImage(out.Images[0]), nil
}

// Newest finds the newest available image of this account with the tags. found is false when there is none.
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

package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// Image is what a launch needs to know of an AMI.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64, arm64, x86_64_mac, arm64_mac
	Platform     string // "windows", or empty
	RootDevice   string // /dev/sda1, /dev/xvda
}

// Refusal says why no runner can be started from the image, or is empty. Windows and macOS have no cloud-init.
func (i Image) Refusal() string {
	switch {
	case strings.EqualFold(i.Platform, "windows"):
		return "it is a Windows image"
	case strings.HasSuffix(i.Architecture, "_mac"):
		return "it is a macOS image"
	}
	return ""
}

// Image looks an AMI up. It needs ec2:DescribeImages, which a launch does without: callers go on when it is denied.
func (c *Client) Image(ctx context.Context, region, id string) (Image, error) {
	out, err := c.in(region).DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{id}})
	if err != nil {
		return Image{}, callError("describe image "+id, err)
	}
	if len(out.Images) == 0 {
		return Image{}, &CallError{Operation: "describe image " + id, Code: "InvalidAMIID.NotFound", Message: "the answer is empty"}
	}
	image := out.Images[0]
	return Image{
		ID: aws.ToString(image.ImageId), Name: aws.ToString(image.Name), Architecture: string(image.Architecture),
		Platform: string(image.Platform), RootDevice: aws.ToString(image.RootDeviceName),
	}, nil
}

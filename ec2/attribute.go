package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// SetUserData replaces the user data of a stopped instance; it is read at the next boot. EC2 refuses it for an instance
// in any other state, so that it is also a look at the state which no delay can deceive.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
func (c *Client) SetUserData(ctx context.Context, region, id string, data []byte) error {
	return c.modify(ctx, region, "change the user data of "+id, &sdk.ModifyInstanceAttributeInput{
		InstanceId: aws.String(id), UserData: &types.SecureBlobAttributeValue{Value: data},
	})
}

// SetShutdownBehavior makes the instance's own power-off its end: it is terminated, where it would have been stopped.
func (c *Client) SetShutdownBehavior(ctx context.Context, region, id string) error {
	return c.modify(ctx, region, "change the shutdown behaviour of "+id, &sdk.ModifyInstanceAttributeInput{
		InstanceId: aws.String(id),
		InstanceInitiatedShutdownBehavior: &types.AttributeValue{
			Value: aws.String(string(types.ShutdownBehaviorTerminate)),
		},
	})
}

// modify changes one attribute: EC2 takes no more in a call.
func (c *Client) modify(ctx context.Context, region, operation string, in *sdk.ModifyInstanceAttributeInput) error {
	_, err := c.in(region).ModifyInstanceAttribute(ctx, in)
	return refusal.Of(operation, err)
}

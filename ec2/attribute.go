package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// SetUserData replaces the user data of a stopped instance, which reads it at its next boot. EC2 refuses the call in
// any other state, so success also proves the state, in spite of eventual consistency.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
func (c *Client) SetUserData(ctx context.Context, region, id string, data []byte) error {
	return c.modify(ctx, region, "change the user data of "+id, &sdk.ModifyInstanceAttributeInput{
		InstanceId: aws.String(id), UserData: &types.SecureBlobAttributeValue{Value: data},
	})
}

// SetShutdownBehavior makes the instance terminate, instead of stop, when it powers itself off.
func (c *Client) SetShutdownBehavior(ctx context.Context, region, id string) error {
	return c.modify(ctx, region, "change the shutdown behaviour of "+id, &sdk.ModifyInstanceAttributeInput{
		InstanceId: aws.String(id),
		InstanceInitiatedShutdownBehavior: &types.AttributeValue{
			Value: aws.String(string(types.ShutdownBehaviorTerminate)),
		},
	})
}

// modify changes one attribute, which is the limit of a call.
func (c *Client) modify(ctx context.Context, region, operation string, in *sdk.ModifyInstanceAttributeInput) error {
	_, err := c.in(region).ModifyInstanceAttribute(ctx, in)
	return refusal.Of(operation, err)
}

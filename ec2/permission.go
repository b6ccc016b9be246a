package ec2

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// MayLaunch asks EC2 by a dry run whether the launch of an offering, at index in the list of offerings, is allowed. nil
// means that it is; capacity is not checked.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (c *Client) MayLaunch(ctx context.Context, spec LaunchSpec, index int, offering Offering) error {
	in, err := spec.input(index, offering, spec.Token(index, 0), 1, spec.OwnTags != nil)
	if err != nil {
		return err
	}
	in.DryRun = aws.Bool(true)
	_, err = c.in(offering.Placement.Region).RunInstances(ctx, in)
	return dryRun("run instances", err)
}

// May asks EC2 by a dry run whether an action on an instance, such as "TerminateInstances", is allowed. nil means that
// it is. For an id that does not exist, EC2 returns not found if the action is allowed.
func (c *Client) May(ctx context.Context, region, action, id, tag string) error {
	api, yes := c.in(region), aws.Bool(true)
	var err error
	switch action {
	case "TerminateInstances":
		_, err = api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case "GetConsoleOutput":
		_, err = api.GetConsoleOutput(ctx, &sdk.GetConsoleOutputInput{InstanceId: aws.String(id), DryRun: yes})
	case "StartInstances":
		_, err = api.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case "StopInstances":
		_, err = api.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case "CreateTags":
		tags := []types.Tag{{Key: aws.String(tag), Value: aws.String("1")}}
		_, err = api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tags, DryRun: yes})
	default:
		return fmt.Errorf("dry run of ec2:%s: not implemented", action)
	}
	return dryRun("dry run of ec2:"+action, err)
}

// dryRun interprets the response to a dry run: EC2 reports permission as an error of its own.
func dryRun(operation string, err error) error {
	err = refusal.Of(operation, err)
	if call, ok := errors.AsType[*refusal.CallError](err); ok && call.Code == "DryRunOperation" {
		return nil
	}
	return err
}

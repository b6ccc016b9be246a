package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Part states how much of a launch's own request goes along when EC2 is asked whether it would allow it.
type Part struct {
	OwnTags bool // ours
	Tags    bool // the user's
	Profile bool
}

// WholeLaunch is the request as a start sends it.
var WholeLaunch = Part{OwnTags: true, Tags: true, Profile: true}

// MayLaunch asks EC2 whether it would allow the launch of an offering (index is its place among the offerings) and
// launches nothing. nil means that it would; capacity is not looked at.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (c *Client) MayLaunch(ctx context.Context, spec LaunchSpec, index int, offering Offering, part Part) error {
	if !part.Tags {
		spec.Tags = nil
	}
	if !part.Profile {
		spec.Profile = ""
	}
	in, err := spec.input(index, offering, spec.Token(index, 0), 1, part.OwnTags && spec.OwnTags != nil)
	if err != nil {
		return err
	}
	in.DryRun = aws.Bool(true)
	_, err = c.in(offering.Placement.Region).RunInstances(ctx, in)
	return dryRun("run instances", err)
}

// NoInstance is an id of the right form that EC2 gives to no instance.
const NoInstance = "i-00000000000000000"

// Call is a call on one instance whose permission can be asked for.
type Call string

// The calls. Each is named as its IAM action, without "ec2:".
const (
	CallTerminate Call = "TerminateInstances"
	CallConsole   Call = "GetConsoleOutput"
	CallTag       Call = "CreateTags"
	CallStart     Call = "StartInstances"
	CallStop      Call = "StopInstances"
)

// May asks EC2 whether it would allow a call on an instance, and does nothing. nil means that it would. Of NoInstance
// EC2 reports whether it is not found if the call itself is allowed.
func (c *Client) May(ctx context.Context, region string, call Call, id string, tag string) error {
	api, yes := c.in(region), aws.Bool(true)
	var err error
	switch call {
	case CallTerminate:
		_, err = api.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case CallConsole:
		_, err = api.GetConsoleOutput(ctx, &sdk.GetConsoleOutputInput{InstanceId: aws.String(id), DryRun: yes})
	case CallStart:
		_, err = api.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case CallStop:
		_, err = api.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{id}, DryRun: yes})
	case CallTag:
		tags := []types.Tag{{Key: aws.String(tag), Value: aws.String("1")}}
		_, err = api.CreateTags(ctx, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tags, DryRun: yes})
	}
	return dryRun("ask for ec2:"+string(call), err)
}

// dryRun reads the answer to a dry run: EC2 says yes by an error of its own.
func dryRun(operation string, err error) error {
	err = callError(operation, err)
	if call, ok := err.(*CallError); ok && call.Code == "DryRunOperation" { //nolint:errorlint // made the line above
		return nil
	}
	return err
}

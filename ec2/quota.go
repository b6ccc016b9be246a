package ec2

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// vcpuQuota is a quota of EC2: how many vCPUs of some instance families may run at once in a region.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html
type vcpuQuota struct {
	families       []string
	onDemand, spot string
}

var vcpuQuotas = []vcpuQuota{
	{[]string{"a", "c", "d", "h", "i", "m", "r", "t", "z"}, "L-1216C47A", "L-34B43A08"},
	{[]string{"g", "vt"}, "L-DB2E81BA", "L-3819A6DF"},
	{[]string{"p"}, "L-417A185B", "L-7212CCBC"},
	{[]string{"f"}, "L-74FC7D96", "L-88CF9481"},
	{[]string{"x"}, "L-7295265B", "L-E3A00192"},
	{[]string{"inf"}, "L-1945791B", "L-B5D1601B"},
	{[]string{"trn"}, "L-2C3B7624", "L-6B0D517C"},
}

// Quota is how many vCPUs of some instance families the account may run, and how many it runs.
type Quota struct {
	Code        string
	Limit, Used int
}

// VCPUQuota returns the quota that applies to an instance type; known is false if its family is not in vcpuQuotas. It
// needs servicequotas:GetServiceQuota and ec2:DescribeInstances.
func (a Account) VCPUQuota(ctx context.Context, region, instanceType, market string) (quota Quota, known bool,
	err error) {
	region = cmp.Or(region, a.client.Region())
	i := slices.IndexFunc(vcpuQuotas,
		func(q vcpuQuota) bool { return slices.Contains(q.families, family(instanceType)) })
	if i < 0 {
		return Quota{}, false, nil
	}
	quota.Code = vcpuQuotas[i].onDemand
	if market == machine.Spot {
		quota.Code = vcpuQuotas[i].spot
	}
	limit, err := a.quota(ctx, region, quota.Code)
	if err != nil {
		return Quota{}, true, err
	}
	quota.Limit = int(limit)
	quota.Used, err = a.vcpusInUse(ctx, region, vcpuQuotas[i].families, market)
	return quota, true, err
}

// family returns the family of an instance type: "t" for t3.xlarge, "inf" for inf1.xlarge.
func family(instanceType string) string {
	end := strings.IndexAny(instanceType, "0123456789.")
	if end < 0 {
		return instanceType
	}
	return instanceType[:end]
}

func (a Account) vcpusInUse(ctx context.Context, region string, families []string, market string) (int, error) {
	in := &sdk.DescribeInstancesInput{
		MaxResults: aws.Int32(perPage),
		Filters:    filters(map[string][]string{"instance-state-name": {Pending, Running}}),
	}
	pages := sdk.NewDescribeInstancesPaginator(a.client.in(region), in)
	reservations, err := collect(ctx, "describe instances", pages,
		func(page *sdk.DescribeInstancesOutput) []types.Reservation { return page.Reservations })
	used := 0
	for _, reservation := range reservations {
		for _, instance := range reservation.Instances {
			isSpot := instance.InstanceLifecycle == types.InstanceLifecycleTypeSpot
			counts := isSpot == (market == machine.Spot) && slices.Contains(families,
				family(string(instance.InstanceType)))
			if cpu := instance.CpuOptions; counts && cpu != nil {
				used += int(aws.ToInt32(cpu.CoreCount) * aws.ToInt32(cpu.ThreadsPerCore))
			}
		}
	}
	return used, err
}

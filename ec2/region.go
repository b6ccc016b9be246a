package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// builtinRegions are the commercial regions that every account has enabled, used if DescribeRegions is denied.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var builtinRegions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
	"eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1",
	"ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
}

// Regions returns the regions that are enabled for the account. If the call fails, it returns a built-in list and the
// error. It needs ec2:DescribeRegions, which is optional: denied reports whether EC2 denies it, or access to the home
// region.
func (a Account) Regions(ctx context.Context) (names []string, denied bool, err error) {
	out, err := a.client.in("").DescribeRegions(ctx, &sdk.DescribeRegionsInput{})
	if err = refusal.Of("describe regions", err); err != nil {
		return builtinRegions, refusal.DeniesRegion(err), err
	}
	return plainly(out.Regions, func(region types.Region) string { return aws.ToString(region.RegionName) }), false, nil
}

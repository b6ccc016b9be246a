package ec2

import "github.com/marqo-ai/ec2-github-runner/ec2/refusal"

// OptionalReads are the IAM actions of the reads that the program can do without. Only a bake needs two of them:
// DescribeImages, and GetConsoleOutput of its builder. docs/permissions.md lists them with its optional features.
var OptionalReads = []string{
	"ec2:DescribeImages", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes",
	"ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates", "ec2:DescribeRegions",
	"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSpotInstanceRequests",
	"ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:GetConsoleOutput", "ec2:GetSpotPlacementScores",
	"iam:GetRole", "servicequotas:GetServiceQuota",
}

// optionalRead adds to the result of an optional read whether EC2 denies it. It keeps the error, so that a caller that
// ignores denied gets an error, not an empty result.
func optionalRead[T any](found T, err error) (T, bool, error) {
	return found, refusal.ClassOf(err) == refusal.Denied, err
}

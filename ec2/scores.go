package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// MinScoredTypes is the number of instance types below which EC2's spot placement scores are always low.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-placement-score.html#sps-limitations
const MinScoredTypes = 3

// HintSpotScores is the hint for a start that gets no spot placement scores.
const HintSpotScores = "allow ec2:GetSpotPlacementScores; " +
	"in 24 hours EC2 scores only a limited number of different requests"

// Limits of a GetSpotPlacementScores request.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSpotPlacementScores.html
const (
	maxScoredRegions = 10
	maxScoredTypes   = 1000
)

// SpotScores asks EC2 how likely count spot instances of these types are to be launched in each zone of the regions
// now. It returns the scores, from 1 to 10, by zone id, which is the same in every account, for at most the ten best
// zones of each ten regions. It needs ec2:GetSpotPlacementScores.
func (a Account) SpotScores(ctx context.Context, regions, instanceTypes []string, count int) (map[string]int, error) {
	scores := map[string]int{}
	for some := range slices.Chunk(regions, maxScoredRegions) {
		if err := a.scoresIn(ctx, some, instanceTypes, count, scores); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

func (a Account) scoresIn(
	ctx context.Context, regions, instanceTypes []string, count int, scores map[string]int,
) error {
	pages := sdk.NewGetSpotPlacementScoresPaginator(a.client.in(""), &sdk.GetSpotPlacementScoresInput{
		InstanceTypes: instanceTypes[:min(len(instanceTypes), maxScoredTypes)], TargetCapacity: aws.Int32(int32(count)),
		RegionNames: regions, SingleAvailabilityZone: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return refusal.Of("get spot placement scores", err)
		}
		for _, score := range page.SpotPlacementScores {
			if id := aws.ToString(score.AvailabilityZoneId); id != "" {
				scores[id] = int(aws.ToInt32(score.Score))
			}
		}
	}
	return nil
}

// MayGetSpotScores asks EC2 by a dry run whether it would return spot placement scores; nil means that it would. EC2
// does not count a dry run against its limit of configurations.
func (a Account) MayGetSpotScores(ctx context.Context, region string) error {
	_, err := a.client.in(region).GetSpotPlacementScores(ctx, &sdk.GetSpotPlacementScoresInput{
		TargetCapacity: aws.Int32(1), SingleAvailabilityZone: aws.Bool(true), DryRun: aws.Bool(true),
	})
	return dryRun("dry run of ec2:GetSpotPlacementScores", err)
}

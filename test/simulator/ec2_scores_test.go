package simulator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestSpotScores holds the scores to EC2's limits: what one request may ask for, how many different ones there may be
// in a day, and low scores for fewer than three types.
func TestSpotScores(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{SpotScores: simulator.SpotScores{
			Zones: map[string]int{"us-east-1b": 9}, Configurations: 2, Capacity: 50,
		}})
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		three := []string{"t3.xlarge", "t3.large", "m5.xlarge"}
		ask := func(change func(*ec2.GetSpotPlacementScoresInput)) string {
			in := &ec2.GetSpotPlacementScoresInput{
				InstanceTypes: three, TargetCapacity: aws.Int32(1), RegionNames: []string{"us-east-1"},
				SingleAvailabilityZone: aws.Bool(true),
			}
			change(in)
			out, err := cloud.GetSpotPlacementScores(t.Context(), in)
			if err != nil {
				return code(err)
			}
			said := ""
			for _, s := range out.SpotPlacementScores {
				said += fmt.Sprintf("%s=%d ", aws.ToString(s.AvailabilityZoneId), aws.ToInt32(s.Score))
			}
			return said
		}
		asIs := func(*ec2.GetSpotPlacementScoresInput) {}
		for n, c := range []struct {
			change func(*ec2.GetSpotPlacementScoresInput)
			want   string
		}{
			{func(in *ec2.GetSpotPlacementScoresInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
			{asIs, "use1-az4=5 use1-az5=9 use1-az6=5 "},
			{func(in *ec2.GetSpotPlacementScoresInput) { in.InstanceTypes = three[:2] },
				"use1-az4=1 use1-az5=1 use1-az6=1 "},
			{func(in *ec2.GetSpotPlacementScoresInput) { in.TargetCapacity = aws.Int32(2) }, "MaxConfigLimitExceeded"},
			{asIs, "use1-az4=5 use1-az5=9 use1-az6=5 "}, // what was asked before may be asked again
			{func(in *ec2.GetSpotPlacementScoresInput) { in.TargetCapacity = aws.Int32(51) },
				"TargetCapacityLimitExceededException"},
			{func(in *ec2.GetSpotPlacementScoresInput) { in.RegionNames = make([]string, 11) },
				"InvalidParameterValue"},
			{func(in *ec2.GetSpotPlacementScoresInput) { in.InstanceTypes = []string{"t99.xlarge"} },
				"InvalidParameterValue"},
		} {
			if got := ask(c.change); got != c.want {
				t.Errorf("%d: %q, want %q", n, got, c.want)
			}
		}
		pause(t.Context(), 25*time.Hour)
		if got := ask(func(in *ec2.GetSpotPlacementScoresInput) { in.SingleAvailabilityZone = nil }); got != "=9 " {
			t.Errorf("the region's score a day later is %q", got)
		}
	})
}

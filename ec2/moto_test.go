package ec2_test

import (
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// TestMotoVolumes lists, reads and deletes volumes in an independent EC2. A whole sweep cannot run there: moto has no
// filter by client token.
func TestMotoVolumes(t *testing.T) {
	address := os.Getenv("EGR_MOTO_URL")
	if address == "" {
		t.Skip("scripts/moto with go test -run Moto ./ec2")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "demo", ""),
	}
	ctx, cloud, raw := t.Context(), ec2.New(config), sdk.NewFromConfig(config)
	made, err := raw.CreateVolume(ctx, &sdk.CreateVolumeInput{
		AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(7), TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("egr"), Value: aws.String("1")}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := aws.ToString(made.VolumeId)
	found, _, err := cloud.Volumes(ctx, "us-east-1", ec2.VolumeAvailable, map[string]string{"egr": "1"})
	if err != nil || !slices.ContainsFunc(found,
		func(v ec2.Volume) bool { return v.ID == id && v.GiB == 7 && !v.Attached && v.Tags["egr"] == "1" }) {
		t.Errorf("listed %+v, %v; want %s", found, err, id)
	}
	if err := cloud.Tag(ctx, "us-east-1", id, map[string]string{"seen": "yes"}); err != nil {
		t.Error(err)
	}
	if v, err := cloud.Volume(ctx, "us-east-1", id); err != nil || v.State != ec2.VolumeAvailable ||
		v.Tags["seen"] != "yes" || v.Created.IsZero() {
		t.Errorf("got %+v, %v", v, err)
	}
	for range 2 { // what is gone is done
		if err := cloud.DeleteVolume(ctx, "us-east-1", id); err != nil {
			t.Error(err)
		}
	}
	if v, err := cloud.Volume(ctx, "us-east-1", id); refusal.ClassOf(err) != refusal.NotFound {
		t.Errorf("got %+v, %v; want that it is gone", v, err)
	}
}

// TestMotoSpotScores: moto has no spot placement scores, so that a start keeps the given order there; the zone ids that
// scores go by are in its subnets.
func TestMotoSpotScores(t *testing.T) {
	address := os.Getenv("EGR_MOTO_URL")
	if address == "" {
		t.Skip("scripts/moto with go test -run Moto ./ec2")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "demo", ""),
	}
	ctx, cloud := t.Context(), ec2.New(config)
	if scores, err := cloud.Account().SpotScores(ctx, []string{"us-east-1"}, []string{"t3.xlarge"}, 1); err == nil {
		t.Errorf("moto gives scores by now: %v; run order_spot_score there too", scores)
	}
	all, err := sdk.NewFromConfig(config).DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{MaxResults: aws.Int32(100)})
	if err != nil || len(all.Subnets) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	id := aws.ToString(all.Subnets[0].SubnetId)
	_, zones, err := cloud.Account().SubnetZones(ctx, "us-east-1", []string{id})
	if err != nil || len(zones[id]) < len("use1-az1") {
		t.Errorf("zone ids %v, %v", zones, err)
	}
}

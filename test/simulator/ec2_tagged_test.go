package simulator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// tagOf reads a tag of an instance as EC2 shows it, and by a filter.
func tagOf(t *testing.T, cloud *ec2.Client, id, key string) (value string, filtered bool) {
	t.Helper()
	out, err := cloud.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range out.Reservations[0].Instances[0].Tags {
		if aws.ToString(tag.Key) == key {
			value = aws.ToString(tag.Value)
		}
	}
	filter := types.Filter{Name: aws.String("tag:" + key), Values: []string{"new"}}
	found, err := cloud.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{filter}})
	if err != nil {
		t.Fatal(err)
	}
	return value, len(found.Reservations) > 0
}

func TestTagsAreReadOldForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(simulator.Config{
			Instances: []simulator.InstanceSeed{{ID: "i-0bbbbbbbbbbbbbbb1", Tags: map[string]string{"use": "old"}}},
		})
		cloud := inProcess(world).ec2(t, "us-east-1")
		if _, err := cloud.CreateTags(t.Context(), &ec2.CreateTagsInput{
			Resources: []string{"i-0bbbbbbbbbbbbbbb1"},
			Tags:      []types.Tag{{Key: aws.String("use"), Value: aws.String("new")}},
		}); err != nil {
			t.Fatal(err)
		}
		if value, filtered := tagOf(t, cloud, "i-0bbbbbbbbbbbbbbb1", "use"); value != "old" || filtered {
			t.Errorf("at once the tag is %q, found by the new value: %t", value, filtered)
		}
		if world.Settled() {
			t.Error("the world is settled while a tag is read old")
		}
		if got := world.Snapshot().Instances[0].Tags["use"]; got != "new" {
			t.Errorf("the snapshot has %q", got)
		}
		<-time.After(2 * time.Second)
		if value, filtered := tagOf(t, cloud, "i-0bbbbbbbbbbbbbbb1", "use"); value != "new" || !filtered {
			t.Errorf("later the tag is %q, found by the new value: %t", value, filtered)
		}
	})
}

func TestTagsGoWithTerminatedInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(simulator.Config{})
		cloud := inProcess(world).ec2(t, "us-east-1")
		in := launchInput("")
		in.TagSpecifications = []types.TagSpecification{{
			ResourceType: types.ResourceTypeInstance,
			Tags:         []types.Tag{{Key: aws.String("use"), Value: aws.String("new")}},
		}}
		id := aws.ToString(mustLaunch(t.Context(), t, cloud, in).InstanceId)
		<-time.After(5 * time.Second)
		if _, err := cloud.TerminateInstances(t.Context(),
			&ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
			t.Fatal(err)
		}
		<-time.After(25 * time.Second)
		if value, _ := tagOf(t, cloud, id, "use"); value != "new" {
			t.Errorf("just after its end the tag is %q", value)
		}
		<-time.After(30 * time.Second)
		if value, filtered := tagOf(t, cloud, id, "use"); value != "" || filtered {
			t.Errorf("a while after its end the tag is %q, found by its value: %t", value, filtered)
		}
	})
}

func TestKeyExpiresByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := simulator.New(simulator.Config{Speed: 20,
			Keys: []simulator.Key{{ID: "AKIDEXAMPLE", ExpiresIn: time.Minute}}})
		cloud := inProcess(world).ec2(t, "us-east-1")
		if _, err := cloud.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		_, err := cloud.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
		if got := code(err); got != "RequestExpired" {
			t.Errorf("after a minute the call fails with %q: %v", got, err)
		}
	})
}

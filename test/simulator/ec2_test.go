package simulator_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestIdempotency holds the client token to what EC2 promises: the same launch for the same request, also after a lost
// answer; a refusal for another request; a launch of its own in another zone and region.
func TestIdempotency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Faults: []simulator.Fault{{Times: 1, Effect: simulator.EffectCutAfter}}})
		ctx := t.Context()
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		in := launchInput("one")
		in.ClientToken = aws.String("egr-1234-1")
		if _, err := cloud.RunInstances(ctx, in); kind(err) != "connection" {
			t.Fatalf("first: %v, want a lost answer", err)
		}
		lost := w.Snapshot().Instances[0].ID
		if got := aws.ToString(mustLaunch(ctx, t, cloud, in).InstanceId); got != lost {
			t.Errorf("asked again: %s, want %s", got, lost)
		}
		in.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte("two")))
		if _, err := cloud.RunInstances(ctx, in); code(err) != "IdempotentParameterMismatch" {
			t.Errorf("other user data: %v, want IdempotentParameterMismatch", err)
		}
		in.SubnetId = aws.String(subnetB)
		if got := aws.ToString(mustLaunch(ctx, t, cloud, in).InstanceId); got == lost {
			t.Error("another zone gave the same instance, want a new one")
		}
		pause(ctx, 5*time.Second)
		out, err := cloud.DescribeInstances(ctx,
			&ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String("client-token"),
				Values: []string{"egr-*-?"}}}})
		if err != nil || len(out.Reservations) != 2 {
			t.Errorf("by client token: %v, %v; want both", out, err)
		}
	})
}

// TestRefusals holds RunInstances to EC2's codes for what it does not accept.
func TestRefusals(t *testing.T) {
	random := make([]byte, 16385)
	_, _ = rand.Read(random)
	for _, c := range []struct {
		want   string
		change func(*ec2.RunInstancesInput)
	}{
		{"InvalidAMIID.Malformed", func(in *ec2.RunInstancesInput) { in.ImageId = aws.String("ami-xyz") }},
		{"InvalidAMIID.NotFound", func(in *ec2.RunInstancesInput) { in.ImageId = aws.String("ami-0123456789abcdef0") }},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.InstanceType = "t9.huge" }},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.InstanceType = "t4g.xlarge" }},
		{"InvalidSubnetID.NotFound",
			func(in *ec2.RunInstancesInput) { in.SubnetId = aws.String("subnet-0123456789abcdef0") }},
		{"InvalidGroup.NotFound",
			func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }},
		{"InvalidParameter", func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{otherVPC} }},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(random))
		}},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.UserData = aws.String("not base64!") }},
		{"InvalidParameterValue",
			func(in *ec2.RunInstancesInput) { in.ClientToken = aws.String(strings.Repeat("x", 65)) }},
		{"TagLimitExceeded", func(in *ec2.RunInstancesInput) { in.TagSpecifications = tags(51) }},
		{"TagPolicyViolation", func(in *ec2.RunInstancesInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance",
				Tags: []types.Tag{{Key: aws.String("forbidden:x"), Value: aws.String("1")}}}}
		}},
		{"UnauthorizedOperation", func(in *ec2.RunInstancesInput) { in.TagSpecifications = tags(1) }},
		{"UnauthorizedOperation", func(in *ec2.RunInstancesInput) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("role")}
		}},
		{"SpotMaxPriceTooLow", func(in *ec2.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot",
				SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("0.001")}}
		}},
		{"Unsupported", func(in *ec2.RunInstancesInput) {
			in.ImageId, in.InstanceType, in.SubnetId = aws.String("ami-0aaaaaaaaaaaaaaa2"), "a1.xlarge",
				aws.String("subnet-0aaaaaaaaaaaaaaa3")
		}},
		{"InsufficientInstanceCapacity", func(in *ec2.RunInstancesInput) { in.InstanceType = "m5.large" }},
		{"MaxSpotInstanceCountExceeded", func(in *ec2.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot"}
		}},
		{"DryRunOperation", func(in *ec2.RunInstancesInput) { in.DryRun = aws.Bool(true) }},
		{"", func(*ec2.RunInstancesInput) {}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{
				Policy: simulator.Policy{Deny: []string{"ec2:CreateTags", "iam:*"},
					ForbiddenTags: []string{"forbidden:*"}},
				Capacity: []simulator.Pool{{InstanceType: "m5.*", Zone: "us-east-1a"},
					{Market: "spot", Code: "MaxSpotInstanceCountExceeded"}},
			})
			in := launchInput("")
			c.change(in)
			_, err := inProcess(w).ec2(t, "us-east-1", onceOnly).RunInstances(t.Context(), in)
			if got := code(err); got != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if got := len(w.Snapshot().Instances); (got == 1) != (c.want == "") {
				t.Errorf("%d instances after %q", got, c.want)
			}
			noSurprises(t, w)
		})
	}
}

func tags(n int) []types.TagSpecification {
	spec := types.TagSpecification{ResourceType: "instance"}
	for i := range n {
		spec.Tags = append(spec.Tags, types.Tag{Key: aws.String("k" + strings.Repeat("x", i)), Value: aws.String("v")})
	}
	return []types.TagSpecification{spec}
}

// TestKeys shows the three ways in which credentials fail.
func TestKeys(t *testing.T) {
	for state, want := range map[string]string{"expired": "ExpiredToken", "unrecognized": "UnrecognizedClientException",
		"": "", "unknown": "AuthFailure"} {
		synctest.Test(t, func(t *testing.T) {
			key := simulator.Key{ID: "AKIDEXAMPLE", State: state}
			if state == "unknown" {
				key = simulator.Key{ID: "AKIDOTHER"}
			}
			w := simulator.New(simulator.Config{Keys: []simulator.Key{key}})
			_, err := inProcess(w).ec2(t, "us-east-1", onceOnly).DescribeInstances(t.Context(),
				&ec2.DescribeInstancesInput{})
			if got := code(err); got != want {
				t.Errorf("%s key: %v, want %s", state, err, want)
			}
		})
	}
}

// TestCapacityIsShared launches as many as there is room for, and again once there is room.
func TestCapacityIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Capacity: []simulator.Pool{{Zone: "us-east-1a", Available: 2}}})
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1", onceOnly)
		in := launchInput("")
		in.MaxCount = aws.Int32(5)
		out, err := cloud.RunInstances(ctx, in)
		if err != nil || len(out.Instances) != 2 || aws.ToInt32(out.Instances[1].AmiLaunchIndex) != 1 {
			t.Fatalf("launched %v, %v; want two", out, err)
		}
		if _, err := cloud.RunInstances(ctx, launchInput("")); code(err) != "InsufficientInstanceCapacity" {
			t.Errorf("third: %v, want no capacity", err)
		}
		terminate(t, cloud, aws.ToString(out.Instances[0].InstanceId))
		mustLaunch(ctx, t, cloud, launchInput(""))
	})
}

func terminate(t *testing.T, cloud *ec2.Client, ids ...string) {
	t.Helper()
	if _, err := cloud.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids}); err != nil {
		t.Fatalf("terminate: %v", err)
	}
}

// TestStates follows an instance by what EC2 tells of it: seen late, pending, running, shutting down, listed for an
// hour.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1", onceOnly)
		state := func(id string) string {
			out, err := cloud.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
			if err != nil {
				return code(err)
			}
			return string(out.Reservations[0].Instances[0].State.Name)
		}
		id := aws.ToString(mustLaunch(ctx, t, cloud, launchInput("")).InstanceId)
		var got []string
		for _, d := range []time.Duration{0, time.Second, 5 * time.Second} {
			pause(ctx, d)
			got = append(got, state(id))
		}
		if _, err := cloud.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id,
			"i-0123456789abcdef0"}}); code(err) != "InvalidInstanceID.NotFound" {
			t.Errorf("one bad id in a batch: %v, want InvalidInstanceID.NotFound", err)
		}
		got = append(got, state(id))
		terminate(t, cloud, id)
		for _, d := range []time.Duration{0, 30 * time.Second, 58 * time.Minute, 3 * time.Minute} {
			pause(ctx, d)
			got = append(got, state(id))
		}
		want := []string{"InvalidInstanceID.NotFound", "pending", "running", "running", "shutting-down", "terminated",
			"terminated", "InvalidInstanceID.NotFound"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if _, err := cloud.TerminateInstances(ctx,
			&ec2.TerminateInstancesInput{InstanceIds: []string{"nonsense"}}); code(
			err) != "InvalidInstanceID.Malformed" {
			t.Errorf("malformed id: %v", err)
		}
	})
}

// TestTerminateAtOnce ends an instance that EC2 does not show yet.
func TestTerminateAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		terminate(t, cloud, aws.ToString(mustLaunch(t.Context(), t, cloud, launchInput("")).InstanceId))
		if instances, _ := w.Leftovers(); len(instances) != 0 {
			t.Errorf("left %v", instances)
		}
	})
}

// TestPages walks through a list of instances by tag, in pages.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{ForeignInstances: 23})
		pages := ec2.NewDescribeInstancesPaginator(inProcess(w).ec2(t, "us-east-1"), &ec2.DescribeInstancesInput{
			MaxResults: aws.Int32(10), Filters: []types.Filter{{Name: aws.String("tag:Name"),
				Values: []string{"somebody-elses-*"}}, {Name: aws.String("instance-state-name"),
				Values: []string{"running",
					"pending"}}},
		})
		count, n := 0, 0
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n++
			for _, r := range out.Reservations {
				count += len(r.Instances)
			}
		}
		if count != 23 || n != 3 {
			t.Errorf("%d instances on %d pages, want 23 on 3", count, n)
		}
		if got := w.Changed(); len(got) > 0 {
			t.Errorf("changed: %v, want nothing", got)
		}
		terminate(t, inProcess(w).ec2(t, "us-east-1"), w.Snapshot().Instances[0].ID)
		if got := w.Changed(); len(got) != 1 {
			t.Errorf("changed: %v, want the instance that was ended", got)
		}
	})
}

// TestBuckets runs into EC2's limits: five launches at once, then two a second.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		codes := make(chan string, 8)
		for range 8 {
			go func() {
				_, err := cloud.RunInstances(t.Context(), launchInput(""))
				codes <- code(err)
			}()
		}
		got := map[string]int{}
		for range 8 {
			got[<-codes]++
		}
		if diff := cmp.Diff(map[string]int{"": 5, "RequestLimitExceeded": 3}, got); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
		mustLaunch(t.Context(), t, cloud, launchInput(""))
	})
}

// TestRootDisk shows the fault of a wrong device name: it makes a second disk and leaves the root as it is.
func TestRootDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1")
		for device, disks := range map[string]int{"/dev/sda1": 1, "/dev/xvda": 2} {
			in := launchInput("")
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String(device),
				Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(50)}}}
			i := mustLaunch(ctx, t, cloud, in)
			if len(i.BlockDeviceMappings) != disks {
				t.Errorf("%s gives %d disks, want %d", device, len(i.BlockDeviceMappings), disks)
			}
			terminate(t, cloud, aws.ToString(i.InstanceId))
		}
		pause(ctx, time.Minute)
		if left := w.Snapshot().Volumes; len(left) != 1 || left[0].Device != "/dev/xvda" {
			t.Errorf("left %v, want the second disk", left)
		}
		images, err := cloud.DescribeImages(ctx, &ec2.DescribeImagesInput{MaxResults: aws.Int32(100),
			Owners: []string{"099720109477"}, Filters: []types.Filter{{Name: aws.String("name"),
				Values: []string{"ubuntu/*noble*-amd64-*"}}}})
		if err != nil || len(images.Images) != 1 || aws.ToString(images.Images[0].RootDeviceName) != "/dev/sda1" {
			t.Errorf("images %v, %v; want Ubuntu's with its root device", images, err)
		}
		noSurprises(t, w)
	})
}

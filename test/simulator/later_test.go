package simulator_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestWarm stops a machine, changes its user data and starts it again: PreviousState tells who was first, and the
// second boot registers what the new user data say.
func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, func(*stage) string { return "#!/bin/bash\necho warm\n" })
		ctx, ids := t.Context(), []string{s.id}
		s.after(30 * time.Second)
		change := func() string {
			_, err := s.cloud.ModifyInstanceAttribute(ctx,
				&ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(s.id),
					UserData: &types.SecureBlobAttributeValue{Value: []byte(ours()(s))}})
			return code(err)
		}
		start := func() string {
			out, err := s.cloud.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: ids})
			if err != nil {
				return code(err)
			}
			return string(out.StartingInstances[0].PreviousState.Name)
		}
		got := []string{change()}
		if _, err := s.cloud.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: ids}); err != nil {
			t.Fatal(err)
		}
		got = append(got, start())
		s.after(30 * time.Second)
		got = append(got, change(), start(), start())
		if diff := cmp.Diff([]string{"IncorrectInstanceState", "IncorrectInstanceState", "", "stopped", "pending"},
			got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		_, err := s.cloud.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(s.id),
			InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("terminate")},
			DisableApiTermination:             &types.AttributeBooleanValue{Value: aws.Bool(true)}})
		if code(err) != "InvalidParameterCombination" {
			t.Errorf("two attributes at once: %v", err)
		}
		if got := s.after(30 * time.Second).runner("ec2-own"); got != "online" {
			t.Errorf("after the second boot the runner is %s, want online", got)
		}
		noSurprises(t, s.World)
	})
}

// TestStopThenTerminate shows that an instance which is ended while it stops ends, and cannot be started again.
func TestStopThenTerminate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, ours())
		s.after(10 * time.Second)
		if _, err := s.cloud.StopInstances(t.Context(),
			&ec2.StopInstancesInput{InstanceIds: []string{s.id}}); err != nil {
			t.Fatal(err)
		}
		s.after(10 * time.Second)
		terminate(t, s.cloud, s.id)
		if got := s.after(15 * time.Second).instance().State; got != "shutting-down" {
			t.Errorf("when it would have stopped it is %s, want shutting-down", got)
		}
		s.after(10 * time.Second)
		if _, err := s.cloud.StartInstances(t.Context(),
			&ec2.StartInstancesInput{InstanceIds: []string{s.id}}); code(err) != "IncorrectInstanceState" ||
			s.instance().State != "terminated" {
			t.Errorf("start of a %s instance: %v", s.instance().State, err)
		}
	})
}

// TestReboot starts a machine again with the user data of its first boot: the configured runner comes back under its
// id.
func TestReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, ours())
		before := s.after(30 * time.Second).Snapshot().Runners
		if _, err := s.cloud.StopInstances(t.Context(),
			&ec2.StopInstancesInput{InstanceIds: []string{s.id}}); err != nil {
			t.Fatal(err)
		}
		if got := s.after(30 * time.Second).runner("ec2-own"); got != "offline" {
			t.Errorf("stopped: %s", got)
		}
		if _, err := s.cloud.StartInstances(t.Context(),
			&ec2.StartInstancesInput{InstanceIds: []string{s.id}}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, s.after(30*time.Second).Snapshot().Runners); diff != "" {
			t.Errorf("runners (-before +after):\n%s", diff)
		}
	})
}

// TestExisting starts a machine of the user's, whose runner is a service on it.
func TestExisting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{
			Instances: []simulator.InstanceSeed{{ID: "i-0eeeeeeeeeeeeeee1", State: "stopped",
				Tags: map[string]string{"Role": "gpu"}, Runner: "kept"}},
			Runners: []simulator.RunnerSeed{{Name: "kept", Offline: true, Labels: []string{"gpu"}}},
		})
		if _, err := inProcess(w).ec2(t, "us-east-1").StartInstances(t.Context(),
			&ec2.StartInstancesInput{InstanceIds: []string{"i-0eeeeeeeeeeeeeee1"}}); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), 30*time.Second)
		s := w.Snapshot()
		if s.Runners[0].Status != "online" || s.Instances[0].State != "running" {
			t.Errorf("runner %s on an instance %s, want both up", s.Runners[0].Status, s.Instances[0].State)
		}
		if got := w.Changed(); len(got) != 1 || !strings.Contains(got[0], "stopped") {
			t.Errorf("changed: %v, want the state alone", got)
		}
		if _, err := inProcess(w).ec2(t, "us-east-1").StopInstances(t.Context(),
			&ec2.StopInstancesInput{InstanceIds: []string{"i-0eeeeeeeeeeeeeee1"}}); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), 30*time.Second)
		if got := w.Snapshot().Runners[0].Status; got != "offline" || len(w.Changed()) > 0 {
			t.Errorf("stopped again: runner %s, changed %v", got, w.Changed())
		}
	})
}

// TestBake makes an image of a machine, launches from it, and removes it with its snapshots.
func TestBake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, func(*stage) string { return "" })
		ctx := t.Context()
		s.after(10 * time.Second)
		in := &ec2.CreateImageInput{InstanceId: aws.String(s.id), Name: aws.String("ours-1"),
			TagSpecifications: []types.TagSpecification{
				{ResourceType: "image", Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
				{ResourceType: "snapshot", Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}}
		made, err := s.cloud.CreateImage(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.cloud.CreateImage(ctx, in); code(err) != "InvalidAMIName.Duplicate" {
			t.Errorf("same name: %v", err)
		}
		launch := launchInput("")
		launch.ImageId = made.ImageId
		if _, err := s.cloud.RunInstances(ctx, launch); code(err) != "InvalidAMIID.Unavailable" {
			t.Errorf("launch from a pending image: %v", err)
		}
		s.after(time.Minute)
		mustLaunch(ctx, t, s.cloud, launch)
		find := func() (states []string) {
			images, err := s.cloud.DescribeImages(ctx, &ec2.DescribeImagesInput{MaxResults: aws.Int32(100),
				Owners: []string{"self"}, Filters: []types.Filter{{Name: aws.String("tag:a"), Values: []string{"b"}}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range images.Images {
				states = append(states, string(i.State))
			}
			snapshots, err := s.cloud.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{MaxResults: aws.Int32(100),
				OwnerIds: []string{"self"}, Filters: []types.Filter{{Name: aws.String("tag:a"),
					Values: []string{"b"}}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range snapshots.Snapshots {
				states = append(states, string(s.State))
			}
			return states
		}
		if diff := cmp.Diff([]string{"available", "completed"}, find()); diff != "" {
			t.Errorf("image and snapshot (-want +got):\n%s", diff)
		}
		if _, err := s.cloud.DeregisterImage(ctx,
			&ec2.DeregisterImageInput{ImageId: aws.String(ubuntu)}); code(err) != "AuthFailure" {
			t.Errorf("deregister another's image: %v", err)
		}
		if _, err := s.cloud.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: made.ImageId,
			DeleteAssociatedSnapshots: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		if got := find(); len(got) > 0 {
			t.Errorf("left: %v", got)
		}
		noSurprises(t, s.World)
	})
}

// TestQuestions asks what a check asks: types, offerings, networks, who am I.
func TestQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := simulator.Defaults()
		cfg.Subnets = append(cfg.Subnets, simulator.Subnet{ID: "subnet-0aaaaaaaaaaaaaa99", Zone: "us-east-1a",
			VPC: "vpc-0aaaaaaaaaaaaaaaa", Private: true, Free: -1})
		w := simulator.New(cfg)
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1")
		id := launchedID(t, cloud)
		pause(ctx, 10*time.Second)
		ask := func(got any, err error) string {
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(got)
		}
		kinds, err := cloud.DescribeInstanceTypes(ctx,
			&ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"g4dn.xlarge", "t4g.xlarge"}})
		answers := []string{ask(len(kinds.InstanceTypes), err),
			ask(kinds.InstanceTypes[0].ProcessorInfo.SupportedArchitectures[0], err),
			ask(aws.ToInt32(kinds.InstanceTypes[0].VCpuInfo.DefaultVCpus), err),
			ask(aws.ToString(kinds.InstanceTypes[1].GpuInfo.Gpus[0].Name), err)}
		offers, err := cloud.DescribeInstanceTypeOfferings(ctx,
			&ec2.DescribeInstanceTypeOfferingsInput{MaxResults: aws.Int32(100), LocationType: "availability-zone",
				Filters: []types.Filter{{Name: aws.String("instance-type"), Values: []string{"a1.xlarge"}}}})
		answers = append(answers, ask(len(offers.InstanceTypeOfferings), err))
		subnets, err := cloud.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnetA,
			"subnet-0aaaaaaaaaaaaaa99"}})
		answers = append(answers, ask(aws.ToInt32(subnets.Subnets[0].AvailableIpAddressCount), err),
			ask(aws.ToInt32(subnets.Subnets[1].AvailableIpAddressCount), err))
		tables, err := cloud.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(100),
			Filters: []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnetA,
				"subnet-0aaaaaaaaaaaaaa99"}}}})
		answers = append(answers, ask(len(tables.RouteTables[0].Routes), err), ask(len(tables.RouteTables[1].Routes),
			err))
		groups, err := cloud.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
		answers = append(answers, ask(aws.ToString(groups.SecurityGroups[0].IpPermissionsEgress[0].IpRanges[0].CidrIp),
			err))
		vpcs, err := cloud.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(100)})
		answers = append(answers, ask(len(vpcs.Vpcs), err))
		zones, err := cloud.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
		answers = append(answers, ask(len(zones.AvailabilityZones), err))
		regions, err := cloud.DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		answers = append(answers, ask(len(regions.Regions), err))
		volumes, err := cloud.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{MaxResults: aws.Int32(100),
			Filters: []types.Filter{{Name: aws.String("attachment.instance-id"), Values: []string{id}}}})
		answers = append(answers, ask(len(volumes.Volumes), err))
		health, err := cloud.DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}})
		answers = append(answers, ask(health.InstanceStatuses[0].SystemStatus.Status, err))
		me, err := sts.New(sts.Options{Region: "us-east-1", HTTPClient: &http.Client{Transport: w.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}).GetCallerIdentity(ctx,
			&sts.GetCallerIdentityInput{})
		answers = append(answers, ask(aws.ToString(me.Account), err))
		want := []string{"2", "arm64", "4", "T4", "2", "4090", "0", "2", "1", "0.0.0.0/0", "2", "3", "6", "1",
			"initializing",
			"123456789012"}
		if diff := cmp.Diff(want, answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		noSurprises(t, w)
	})
}

func launchedID(t *testing.T, cloud *ec2.Client) string {
	t.Helper()
	return aws.ToString(mustLaunch(t.Context(), t, cloud, launchInput("")).InstanceId)
}

// TestTemplate launches by a template, which the request's own parameters go before.
func TestTemplate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{LaunchTemplates: []simulator.LaunchTemplate{{ID: "lt-0aaaaaaaaaaaaaaaa",
			Name: "runners", Parameters: map[string]string{
				"ImageId": ubuntu, "InstanceType": "t3.nano", "SubnetId": subnetA, "SecurityGroupId.1": group}}}})
		cloud := inProcess(w).ec2(t, "us-east-1", onceOnly)
		in := &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: "t3.micro",
			LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("runners")}}
		if i := mustLaunch(t.Context(), t, cloud, in); i.InstanceType != "t3.micro" ||
			aws.ToString(i.SubnetId) != subnetA {
			t.Errorf("launched %s in %s", i.InstanceType, aws.ToString(i.SubnetId))
		}
		in.LaunchTemplate.LaunchTemplateName = aws.String("missing")
		if _, err := cloud.RunInstances(t.Context(), in); code(err) != "InvalidLaunchTemplateName.NotFoundException" {
			t.Errorf("missing template: %v", err)
		}
	})
}

// TestPolicyDocument enforces an IAM policy that lets only tagged machines be launched and only those be ended.
func TestPolicyDocument(t *testing.T) {
	const document = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*"},
		{"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": ["arn:aws:ec2:*:*:image/*", ` +
		`"arn:aws:ec2:*:*:subnet/*", "arn:aws:ec2:*:*:security-group/*", "arn:aws:ec2:*:*:network-interface/*", ` +
		`"arn:aws:ec2:*:*:volume/*"]},
		{"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*", "Condition": ` +
		`{"StringLike": {"aws:RequestTag/ours": "*"}}},
		{"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", "Condition": {"StringEquals": ` +
		`{"ec2:CreateAction": "RunInstances"}}},
		{"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": "*", "Condition": {"StringEquals": ` +
		`{"ec2:ResourceTag/ours": "1"}}}]}`
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{ForeignInstances: 1, Policy: simulator.Policy{Document: document}})
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1", onceOnly)
		_, err := cloud.RunInstances(ctx, launchInput(""))
		got := []string{code(err)}
		in := launchInput("")
		in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance",
			Tags: []types.Tag{{Key: aws.String("ours"), Value: aws.String("1")}}}}
		id := aws.ToString(mustLaunch(ctx, t, cloud, in).InstanceId)
		pause(ctx, 2*time.Second)
		_, err = cloud.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id},
			Tags: in.TagSpecifications[0].Tags})
		got = append(got, code(err))
		for _, i := range w.Snapshot().Instances {
			_, err := cloud.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{i.ID}})
			got = append(got, code(err))
		}
		_, err = cloud.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: aws.String(id)})
		got = append(got, code(err))
		refused := "UnauthorizedOperation"
		if diff := cmp.Diff([]string{refused, refused, refused, "", refused}, got); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	})
}

// TestDescription validates every route of GitHub, its request and its answer, against GitHub's own description.
func TestDescription(t *testing.T) {
	validator, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{
			Tokens: []simulator.Token{{Value: "ghp_demo", Admin: []string{"demo-org/demo", "demo-org",
				"enterprises/big"},
				Actions: true}},
			Runs: []simulator.Run{{ID: 41}, {ID: 42, Status: "completed", Conclusion: "success"}},
			RunnerGroups: []simulator.RunnerGroup{{Scope: "demo-org", ID: 3, Name: "fast"}, {Scope: "enterprises/big",
				ID:   4,
				Name: "big"}}, ForeignRunners: 3, RunnerReleases: []string{"2.330.0"},
		})
		transport := validator.RoundTripper(w.Transport(), func(err error) { t.Error(err) })
		hub := github.NewClient(&http.Client{Transport: transport}).WithAuthToken("ghp_demo")
		do := func(want int, method, path string, body any) {
			t.Helper()
			req, err := hub.NewRequest(method, path, body)
			if err != nil {
				t.Fatal(err)
			}
			if resp, _ := hub.Do(t.Context(), req, nil); status(resp) != want {
				t.Errorf("%s %s: %d, want %d", method, path, status(resp), want)
			}
		}
		for n, scope := range []string{"repos/demo-org/demo", "orgs/demo-org", "enterprises/big"} {
			base := scope + "/actions/runners"
			do(200, "GET", base+"?per_page=2&page=1&name=foreign-0001", nil)
			do(200, "GET", base+"/downloads", nil)
			do(201, "POST", base+"/registration-token", nil)
			do(201, "POST", base+"/generate-jitconfig", jit("made", "x"))
			do(409, "POST", base+"/generate-jitconfig", jit("made", "x"))
			do(422, "POST", base+"/generate-jitconfig", jit("a:b", "x"))
			pause(t.Context(), time.Second)
			id := 4 + n
			do(200, "GET", fmt.Sprintf("%s/%d", base, id), nil)
			do(204, "DELETE", fmt.Sprintf("%s/%d", base, id), nil)
			do(404, "DELETE", fmt.Sprintf("%s/%d", base, id), nil)
			do(200, "GET", base+"/deprecations/2.300.0", nil)
			if n > 0 {
				do(200, "GET", scope+"/actions/runner-groups", nil)
				do(200, "GET", fmt.Sprintf("%s/actions/runner-groups/%d", scope, 2+n), nil)
				do(404, "GET", scope+"/actions/runner-groups/99", nil)
			}
		}
		do(200, "GET", "rate_limit", nil)
		do(200, "GET", "repos/demo-org/demo/actions/runs/41", nil)
		do(200, "GET", "repos/demo-org/demo/actions/runs/42", nil)
		do(404, "GET", "repos/demo-org/demo/actions/runs/43", nil)
		do(200, "GET", "repos/actions/runner/releases/latest", nil)
		do(200, "GET", "repos/actions/runner/releases/tags/v2.330.0", nil)
		do(404, "GET", "repos/actions/runner/releases/tags/v2.1.0", nil)
		w.SetRun(simulator.Run{ID: 41, Status: "completed", Conclusion: "cancelled"})
		run, _, err := hub.Actions.GetWorkflowRunByID(t.Context(), "demo-org", "demo", 41)
		if err != nil || run.GetConclusion() != "cancelled" {
			t.Errorf("run %v, %v; want it cancelled", run, err)
		}
		noSurprises(t, w)
	})
}

// TestRuns lists workflow runs, the newest first.
func TestRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Runs: []simulator.Run{{ID: 41}, {ID: 42, Status: "completed",
			Conclusion: "success"}, {ID: 43}}})
		list, _, err := inProcess(w).github(t, "ghp_demo").Actions.ListRepositoryWorkflowRuns(t.Context(), "demo-org",
			"demo",
			&github.ListWorkflowRunsOptions{Status: "in_progress"})
		if err != nil || list.GetTotalCount() != 2 || list.WorkflowRuns[0].GetID() != 43 {
			t.Errorf("runs %v, %v; want 43 and 41", list, err)
		}
	})
}

// TestLoad reads a configuration and refuses a key that it does not know.
func TestLoad(t *testing.T) {
	cfg, err := simulator.Load(strings.NewReader("speed: 20\ntiming: {boot: 5s}\nguests: [{fault: dies, at: 3s, nth: " +
		"2}]\nfaults: [{match: {operation: RunInstances}, effect: cut-after, times: 1}]\n" +
		"more: {subnets: [{id: subnet-1, zone: us-east-1a}]}\n"))
	if err != nil || cfg.Speed != 20 || cfg.Timing.Boot != 5*time.Second || cfg.Timing.GitHub != 150*time.Millisecond ||
		cfg.Faults[0].Effect != simulator.EffectCutAfter ||
		len(cfg.Subnets) != len(simulator.Defaults().Subnets)+1 {
		t.Errorf("configuration %+v, %v", cfg, err)
	}
	for _, text := range []string{"speeed: 2", "faults: [{effect: rain}]", "guests: [{fault: dies}]",
		"policy: {document: '{\"Statement\": [{\"Effect\": \"Maybe\"}]}'}", "speed: -1", "instances: [{type: t9.huge}]",
		"subnets: [{id: subnet-1, zone: mars-1a}]"} {
		if _, err := simulator.Load(strings.NewReader(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// TestUserDataArrives shows that the machine gets its user data byte for byte.
func TestUserDataArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{})
		data := "\x1f\x00\xff&=+%\r\n<\">" + strings.Repeat("é", 5000)
		mustLaunch(t.Context(), t, inProcess(w).ec2(t, "us-east-1"), launchInput(data))
		if got := string(w.Snapshot().Instances[0].UserData); got != data {
			t.Errorf("user data %q", base64.StdEncoding.EncodeToString([]byte(got)))
		}
	})
}

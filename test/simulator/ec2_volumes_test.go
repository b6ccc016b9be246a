package simulator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const keepingImage = "ami-0dddddddddddddddd"

func keepingWorld() *simulator.World {
	config := simulator.Config{}
	config.More.Images = []simulator.Image{{
		ID: keepingImage, Region: "us-east-1", Name: "keeps", Owner: "self", Architecture: "x86_64", KeepsRoot: true,
		Volumes: []simulator.ImageVolume{{Device: "/dev/sdb", Size: 20, Kept: true}, {Device: "/dev/sdc", Size: 20}},
	}}
	return simulator.New(config)
}

func mapping(device string, ebs *types.EbsBlockDevice) types.BlockDeviceMapping {
	return types.BlockDeviceMapping{DeviceName: aws.String(device), Ebs: ebs}
}

// TestMappings merges the launch's mapping with the image's, and shows what is left of it.
func TestMappings(t *testing.T) {
	ends := &types.EbsBlockDevice{DeleteOnTermination: aws.Bool(true)}
	for name, c := range map[string]struct {
		launch []types.BlockDeviceMapping
		code   string
		left   []string
	}{
		"the image's": {nil, "", []string{"/dev/sda1", "/dev/sdb"}},
		"the launch's": {[]types.BlockDeviceMapping{mapping("/dev/sda1", ends), mapping("/dev/sdb", ends)}, "",
			nil},
		"a device less": {[]types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sdb"),
			NoDevice: aws.String("")}}, "", []string{"/dev/sda1"}},
		"a further one": {[]types.BlockDeviceMapping{mapping("/dev/sdf",
			&types.EbsBlockDevice{VolumeSize: aws.Int32(9)})}, "", []string{"/dev/sda1", "/dev/sdb", "/dev/sdf"}},
		"a further one, no size": {[]types.BlockDeviceMapping{mapping("/dev/sdf", ends)}, "MissingParameter", nil},
		"smaller than its source": {[]types.BlockDeviceMapping{mapping("/dev/sdb",
			&types.EbsBlockDevice{VolumeSize: aws.Int32(9)})}, "InvalidBlockDeviceMapping", nil},
		"twice": {[]types.BlockDeviceMapping{mapping("/dev/sdb", ends), mapping("/dev/sdb", ends)},
			"InvalidBlockDeviceMapping", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := keepingWorld()
				ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1")
				in := launchInput("")
				in.ImageId, in.BlockDeviceMappings = aws.String(keepingImage), c.launch
				out, err := cloud.RunInstances(ctx, in)
				if code(err) != c.code {
					t.Fatalf("%v, want %q", err, c.code)
				}
				if err == nil {
					pause(ctx, 10*time.Second)
					terminate(t, cloud, aws.ToString(out.Instances[0].InstanceId))
					pause(ctx, time.Minute)
				}
				var left []string
				for _, v := range w.LeftVolumes() {
					left = append(left, v.Device)
				}
				if diff := cmp.Diff(c.left, left); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				noSurprises(t, w)
			})
		})
	}
}

// TestVolumes follows a volume that is kept: attached, available, and deleted.
func TestVolumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := keepingWorld()
		ctx, cloud := t.Context(), inProcess(w).ec2(t, "us-east-1")
		in := launchInput("")
		in.ImageId = aws.String(keepingImage)
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVolume,
			Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}
		id := aws.ToString(mustLaunch(ctx, t, cloud, in).InstanceId)
		pause(ctx, 10*time.Second)
		find := func(state string) []types.Volume {
			out, err := cloud.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{MaxResults: aws.Int32(5),
				Filters: []types.Filter{
					{Name: aws.String("status"), Values: []string{state}}, {Name: aws.String("tag:k"),
						Values: []string{"v"}},
				}})
			if err != nil {
				t.Fatal(err)
			}
			return out.Volumes
		}
		remove := func(id *string) string {
			_, err := cloud.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: id})
			return code(err)
		}
		attached := find("in-use")
		got := []string{fmt.Sprint(len(attached), len(find("available"))), remove(attached[0].VolumeId)}
		terminate(t, cloud, id)
		pause(ctx, time.Minute)
		free := find("available")
		got = append(got, fmt.Sprint(len(free), len(free[0].Attachments)), remove(free[0].VolumeId),
			remove(free[0].VolumeId))
		got = append(got, fmt.Sprint(len(find("deleting")), len(w.LeftVolumes())),
			remove(aws.String("vol-0123456789abcdef0")), remove(aws.String("i-1")))
		pause(ctx, 2*time.Minute)
		_, err := cloud.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{*free[0].VolumeId}})
		_, both := cloud.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{*free[1].VolumeId},
			MaxResults: aws.Int32(5)})
		got = append(got, code(err), code(both))
		want := []string{
			"3 0", "VolumeInUse", "2 0", "", "InvalidVolume.NotFound", "1 1", "InvalidVolume.NotFound",
			"InvalidParameterValue",
			"InvalidVolume.NotFound", "InvalidParameterCombination",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		noSurprises(t, w)
	})
}

package script

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// volumes returns the volumes that did not exist at the beginning.
func (s *scene) volumes(ts *testscript.TestScript) []simulator.Volume {
	if s.moto != nil {
		return s.moto.volumes(ts)
	}
	return s.world.Volumes()
}

// showVolumes prints one line for each volume, with its tags.
func showVolumes(ts *testscript.TestScript, _ []string) string {
	var b strings.Builder
	for _, v := range sceneOf(ts).volumes(ts) {
		fmt.Fprintf(&b, "volume %s %s region=%s device=%s kept=%t\n", v.ID, v.State, v.Region, v.Device, v.Kept)
		for _, key := range sorted(v.Tags) {
			fmt.Fprintf(&b, "  volume-tag %s=%s\n", key, v.Tags[key])
		}
	}
	return b.String()
}

// leftVolumes returns the volumes that outlived their instances.
func (s *scene) leftVolumes(ts *testscript.TestScript) []simulator.Volume {
	if s.moto != nil {
		return slices.DeleteFunc(s.moto.volumes(ts), func(v simulator.Volume) bool { return v.State != "available" })
	}
	return s.world.LeftVolumes()
}

// detachVolumes detaches the volumes of a device, as their owner or a job does.
func detachVolumes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: detach DEVICE")
	}
	detached := 0
	for _, v := range sceneOf(ts).world.Volumes() {
		if v.Device == args[0] && v.State == "in-use" {
			sceneOf(ts).world.DetachVolume(v.ID)
			detached++
		}
	}
	if detached == 0 {
		ts.Fatalf("no volume is attached as %s", args[0])
	}
}

// volumes lists moto's volumes.
func (m *motoWorld) volumes(ts *testscript.TestScript) []simulator.Volume {
	var list []simulator.Volume
	for _, region := range motoRegions {
		var answer struct {
			List []struct {
				ID          string `xml:"volumeId"`
				State       string `xml:"status"`
				Attachments []struct {
					Instance string `xml:"instanceId"`
					Device   string `xml:"device"`
					Ends     bool   `xml:"deleteOnTermination"`
				} `xml:"attachmentSet>item"`
				Tags []struct {
					Key   string `xml:"key"`
					Value string `xml:"value"`
				} `xml:"tagSet>item"`
			} `xml:"volumeSet>item"`
		}
		m.call(ts, region, &answer, "DescribeVolumes")
		for _, v := range answer.List {
			made := simulator.Volume{ID: v.ID, Region: region, State: v.State, Tags: map[string]string{}}
			for _, a := range v.Attachments {
				made.Instance, made.Device, made.Kept = a.Instance, a.Device, !a.Ends
			}
			for _, tag := range v.Tags {
				made.Tags[tag.Key] = tag.Value
			}
			list = append(list, made)
		}
	}
	slices.SortFunc(list, func(a, b simulator.Volume) int { return cmp.Compare(a.Device+a.ID, b.Device+b.ID) })
	return list
}

package ami_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// toRegions returns a bake with copies.
func toRegions(regions ...string) ami.Request {
	r := request()
	r.Copies = ami.Copies{Regions: regions, Timeout: time.Hour}
	return r
}

// copyIn returns the result for one region.
func copyIn(t *testing.T, result ami.Result, region string) ami.Baked {
	t.Helper()
	i := slices.IndexFunc(result.Images, func(b ami.Baked) bool { return b.Region == region })
	if i < 0 {
		t.Fatalf("nothing came of %s: %+v", region, result.Images)
	}
	return result.Images[i]
}

// TestCopies: an image is made and copied in parallel, with its snapshots, and all have their tags.
func TestCopies(t *testing.T) {
	config := simulator.Config{Timing: simulator.Timing{Copy: 12 * time.Minute}}
	bakeInBubble(t, config, toRegions("eu-west-1", "us-west-2", "us-east-1", "eu-west-1"), func(
		t *testing.T, result ami.Result, err error, took time.Duration, log string, w *simulator.World,
	) {
		if err != nil || len(result.Images) != 3 || took > 18*time.Minute {
			t.Fatalf("%v after %s: %+v", err, took, result.Images)
		}
		home := copyIn(t, result, "us-east-1")
		for _, made := range w.Images() {
			for _, tag := range []string{"nonce", "repository", "recipe", "family", "runner-version"} {
				if made.Tags["ec2-github-runner:"+tag] == "" {
					t.Errorf("%s in %s has no tag %s", made.ID, made.Region, tag)
				}
			}
			if of := made.Tags[key.Prefix+"copy-of"]; (of == home.ImageID) != (made.Region != "us-east-1") {
				t.Errorf("%s in %s is a copy of %q", made.ID, made.Region, of)
			}
		}
		if len(w.Images()) != 6 {
			t.Errorf("made %+v", w.Images())
		}
		if !strings.Contains(log, "is pending, for") || !strings.Contains(log, "(snapshots: ") {
			t.Errorf("the log says nothing of the wait:\n%s", log)
		}
	})
}

// TestACopyFails: the other copies are made, the failed one is removed with the snapshot that it left, and the error
// names its region.
func TestACopyFails(t *testing.T) {
	for name, config := range map[string]simulator.Config{
		"as failed":      {Copies: []simulator.CopyRule{{Region: "eu-west-1", Fails: true}}},
		"never ends":     {Copies: []simulator.CopyRule{{Region: "eu-west-1", Takes: 9 * time.Hour}}},
		"is not allowed": {Policy: simulator.Policy{Document: deny("ec2:CopyImage", "eu-west-1")}},
		"cannot be seen": {Policy: simulator.Policy{Document: deny("ec2:DescribeSnapshots", "eu-west-1")}},
	} {
		bakeInBubble(t, config, toRegions("eu-west-1", "us-west-2"), func(
			t *testing.T, result ami.Result, err error, _ time.Duration, _ string, w *simulator.World,
		) {
			failed := failure(t, err)
			if failed.Region != "eu-west-1" || failed.Hint == "" || copyIn(t, result, "us-west-2").ImageID == "" ||
				copyIn(t, result, "us-east-1").ImageID == "" {
				t.Errorf("%s: %+v", name, failed)
			}
			for _, made := range w.Images() {
				if made.Region == "eu-west-1" && name != "cannot be seen" {
					t.Errorf("%s: left %+v", name, made)
				}
			}
		})
	}
}

func deny(action, region string) string {
	return fmt.Sprintf(`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "Action": %q, "Resource": "*",
		"Condition": {"StringEquals": {"aws:RequestedRegion": %q}}}]}`, action, region)
}

// TestCopyLimit: a copy waits until the region's limit of concurrent snapshot copies allows it.
func TestCopyLimit(t *testing.T) {
	r := toRegions("eu-west-1")
	gpu := r.Builders[0]
	gpu.Architecture, gpu.InstanceTypes = "cuda", []string{"g4dn.xlarge"}
	r.Builders = append(r.Builders, gpu)
	bakeInBubble(t, simulator.Config{SnapshotCopies: 1}, r, func(
		t *testing.T, result ami.Result, err error, _ time.Duration, log string, w *simulator.World,
	) {
		if err != nil || len(w.Images()) != 8 || !strings.Contains(log, "Too many snapshot copies in progress") {
			t.Errorf("%v: %+v\n%s", err, result.Images, log)
		}
	})
}

// TestCopyInBadWeather: single failing calls only delay a copy, and none is made twice.
func TestCopyInBadWeather(t *testing.T) {
	for operation, nth := range map[string]int{"CopyImage": 1, "DescribeImages": 2, "DescribeSnapshots": 1} {
		for _, effect := range []simulator.Effect{
			simulator.EffectCutBefore, simulator.EffectCutAfter, simulator.EffectErrorAfter,
			simulator.EffectThrottle, simulator.EffectMalformed,
		} {
			config := simulator.Config{Faults: []simulator.Fault{{
				Match: simulator.Match{Operation: operation, Region: "eu-west-1"}, Effect: effect, Times: 2, Nth: nth,
			}}}
			bakeInBubble(t, config, toRegions("eu-west-1"), func(
				t *testing.T, result ami.Result, err error, _ time.Duration, _ string, w *simulator.World,
			) {
				if err != nil || copyIn(t, result, "eu-west-1").ImageID == "" || len(w.Images()) != 4 {
					t.Errorf("%s at %s: %v, made %+v", effect, operation, err, w.Images())
				}
			})
		}
	}
}

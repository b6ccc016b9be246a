package ami_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestBuilderEndsWithoutCredentials: a bake whose credentials expire cannot remove its builder: it names the builder
// and when it terminates itself; and it does, even after a reboot.
func TestBuilderEndsWithoutCredentials(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, c := range []struct {
		architecture, kind string
		expires            time.Duration
	}{{"amd64", "t3.xlarge", 30 * time.Second}, {"cuda", "g4dn.xlarge", 80 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := simulator.New(simulator.Config{
				Keys:   []simulator.Key{{ID: "AKIADEMO", ExpiresIn: c.expires}},
				Guests: []simulator.GuestRule{{Fault: simulator.GuestHangs}},
			})
			var log bytes.Buffer
			baker := &ami.Baker{
				Cloud: client(w), Fresh: func() *ec2.Client { return client(w) }, Journal: &journal{},
				Log: slog.New(slog.NewTextHandler(&log, nil)),
			}
			r := request()
			r.Builders[0].Architecture, r.Builders[0].InstanceTypes = c.architecture, []string{c.kind}
			result, err := baker.Bake(t.Context(), r)
			if err == nil {
				t.Fatal("it did not fail")
			}
			left := strings.Join(result.Images[0].Failure.Left, "\n")
			for _, want := range []string{result.Images[0].Builder, "RequestExpired",
				"it terminates itself at 2000-01-01 01:05 UTC"} {
				if !strings.Contains(left, want) {
					t.Errorf("%q is not said: %q", want, left)
				}
			}
			<-time.After(70 * time.Minute)
			if instances, _ := w.Leftovers(); len(instances) > 0 {
				t.Errorf("left: %+v", instances)
			}
		})
	}
}

package ec2_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestConsoleOffNitro: Latest is refused (UnsupportedOperation), so the output that EC2 posted is returned.
func TestConsoleOffNitro(t *testing.T) {
	t.Parallel()
	inBubble(t, simulator.Config{}, func(ctx context.Context, t *testing.T, _ *simulator.World, client *ec2.Client) {
		old := offering(1)
		old.InstanceType = "m4.large"
		instance, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{old})
		if err != nil {
			t.Fatal(err)
		}
		wait(40 * time.Second)
		text, _, err := client.Console(ctx, "", instance.ID)
		if err != nil || !strings.Contains(text, "Linux version") {
			t.Errorf("console %q: %v", text, err)
		}
	})
}

// TestEmptyLatestConsole: if the latest output is empty, the posted output is returned; failing to read it is not an
// error.
func TestEmptyLatestConsole(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		var config simulator.Config
		if denied {
			config.Faults = []simulator.Fault{{Match: simulator.Match{Operation: "GetConsoleOutput"}, Nth: 2,
				Effect: simulator.EffectError, Code: "UnsupportedOperation"}}
		}
		inBubble(t, config, func(ctx context.Context, t *testing.T, world *simulator.World, client *ec2.Client) {
			instance, _, err := launchOne(ctx, client, launchSpec(), []ec2.Offering{offering(1)})
			if err != nil {
				t.Fatal(err)
			}
			wait(1500 * time.Millisecond)
			text, _, err := client.Console(ctx, "", instance.ID)
			if text != "" || err != nil {
				t.Errorf("console %q: %v", text, err)
			}
			var asked []string
			for _, call := range world.Calls() {
				if call.Operation == "GetConsoleOutput" {
					asked = append(asked, call.Params["Latest"])
				}
			}
			if strings.Join(asked, " ") != "true " {
				t.Errorf("asked with Latest %q, want once with and once without", asked)
			}
		})
	}
}

func wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

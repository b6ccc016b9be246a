package ami_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// inRole returns a client that assumes a role by OIDC with the simulator's tokens; sessions last an hour.
func inRole(w *simulator.World) *ec2.Client {
	transport := w.Transport()
	return client(w).Assume(ec2.Role{
		ARN: "arn:aws:iam::123456789012:role/github-runners", SessionName: "GitHubActions", Duration: time.Hour,
		Log: slog.New(slog.DiscardHandler),
		Token: func(ctx context.Context) (string, error) {
			return simulator.IDToken(ctx, &http.Client{Transport: transport}, "sts.amazonaws.com")
		},
		Secret: func(string) {}, SignedIn: func(ec2.Session) {},
	})
}

// TestBakeOfFiveHours: sessions last an hour, and each is renewed. Neither the bake nor the removal of its builder
// fails.
func TestBakeOfFiveHours(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, guest := range map[string]simulator.GuestRule{
		"baked":            {Fault: simulator.GuestAptOffline, At: 292 * time.Minute},
		"fails at its end": {Fault: simulator.GuestHangs},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulator.New(simulator.Config{
					Roles:  []simulator.Role{{Name: "github-runners"}},
					Keys:   []simulator.Key{{ID: "AKIADEMO", State: "unrecognized"}},
					Guests: []simulator.GuestRule{guest},
				})
				var log bytes.Buffer
				cloud := inRole(w)
				baker := &ami.Baker{
					Cloud: cloud, Fresh: func() *ec2.Client { return cloud.Fresh() }, Journal: &journal{},
					Log: slog.New(slog.NewTextHandler(&log, nil)),
				}
				r := request()
				r.Timeout = 5 * time.Hour
				begun := time.Now()
				result, err := baker.Bake(t.Context(), r)
				if name == "baked" && (err != nil || len(result.Images) != 1) {
					t.Errorf("bake: %v\n%s", err, &log)
				}
				if name != "baked" && (err == nil || len(result.Images[0].Failure.Left) > 0) {
					t.Errorf("bake: %v, %+v", err, result.Images[0].Failure)
				}
				if took := time.Since(begun); took < 290*time.Minute {
					t.Errorf("it took %s", took)
				}
				sessions := 0
				for _, call := range w.Calls() {
					if call.Operation == "AssumeRoleWithWebIdentity" {
						sessions++
					}
				}
				if sessions < 5 || sessions > 8 {
					t.Errorf("%d sessions", sessions)
				}
				if strings.Contains(log.String(), "RequestExpired") {
					t.Errorf("EC2 refused an ended session:\n%s", &log)
				}
				if instances, _ := w.Leftovers(); len(instances) > 0 {
					t.Errorf("left: %+v", instances)
				}
			})
		})
	}
}

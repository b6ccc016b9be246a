package outcome

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// TestOutcome: EC2's state reason, with and without a console.
func TestOutcome(t *testing.T) {
	launched := time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)
	const prefix = bootstrap.ConsolePrefix
	const done = prefix + "job report: job=1 seconds=60 state=ended (70.00 s)\n"
	const running = prefix + "spot notice: terminate at 2026-11-29T20:14:00Z (80.00 s)\n" +
		prefix + "job report: job=2 seconds=9 state=running (80.00 s)\n"
	for _, c := range []struct {
		name, state, reason, console string
		changed                      time.Time
		want                         Outcome
	}{
		{name: "running", state: ec2.Running, want: Outcome{Minutes: 30}},
		{
			name: "running, with an old state reason", state: ec2.Running, want: Outcome{Minutes: 30},
			reason: "Client.UserInitiatedShutdown: User initiated shutdown",
		},
		{
			name: "spot, with an empty console", state: ec2.Terminated,
			reason: "Server.SpotInstanceTermination: Spot instance termination",
			want:   Outcome{EndedBy: "spot", Ended: "EC2 reclaimed the spot instance", Interrupted: true},
		},
		{
			name: "spot, during a job", state: ec2.ShuttingDown, console: done + running,
			reason: "Server.SpotInstanceShutdown: Spot instance shutdown",
			want: Outcome{EndedBy: "spot", Interrupted: true,
				Ended: "EC2 reclaimed the spot instance (notice: terminate at 2026-11-29T20:14:00Z)"},
		},
		{
			name: "spot, after its job", state: ec2.Terminated, console: done,
			reason: "Server.SpotInstanceTermination: Spot instance termination",
			want:   Outcome{EndedBy: "spot", Ended: "EC2 reclaimed the spot instance"},
		},
		{
			name: "a spot notice without an end", state: ec2.Running, console: running, want: Outcome{Minutes: 30},
		},
		{
			name: "the host failed", state: ec2.Terminated, reason: "Server.InternalError: Internal error on launch",
			want: Outcome{EndedBy: "host", Ended: "EC2 ended it (Server.InternalError: Internal error on launch)",
				Interrupted: true},
		},
		{
			name: "by somebody", state: ec2.Terminated, changed: launched.Add(61 * time.Second),
			reason: "Client.UserInitiatedShutdown: User initiated shutdown",
			want:   Outcome{EndedBy: "user", Ended: "somebody ended it", Minutes: 2},
		},
		{
			name: "by its lifetime", state: ec2.Terminated, console: prefix +
				"powering off: it has lived for 60 s (61.00 s)\n",
			reason: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
			want:   Outcome{EndedBy: "lifetime", Ended: "it terminated itself at the end of its lifetime"},
		},
		{
			name: "by idleness", state: ec2.Stopped, console: prefix + "powering off: no job for 60 s (61.00 s)\n",
			reason: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
			want:   Outcome{EndedBy: "idle", Ended: "it terminated itself because no job came"},
		},
		{
			name: "from inside, without a console", state: ec2.Terminated,
			reason: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
			want:   Outcome{EndedBy: "itself", Ended: "it was shut down from inside"},
		},
		{name: "an unknown reason", state: ec2.Terminated, reason: "Server.Other: other", want: Outcome{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := ec2.Instance{ID: "i-1", State: c.state, StateReason: c.reason, LaunchTime: launched,
				ChangedAt: c.changed}
			got := newOutcome(i, c.console, launched.Add(30*time.Minute))
			if wantReports := len(bootstrap.ReadJobReports(c.console)); len(got.Reports) != wantReports {
				t.Errorf("%d reports, want %d", len(got.Reports), wantReports)
			}
			got.Reports = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

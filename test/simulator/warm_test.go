package simulator_test

import (
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

// warmUp is user data of a warm-up with a setup-script.
func warmUp(s *stage) string {
	return ours("token", "-", "warm", "true", "registration_timeout_seconds", "600")(s) +
		"\npart_setup_script='10 10 cat'\n"
}

// warmStage is a world with one machine of a pool in it, at its first boot.
func warmStage(t *testing.T, rules ...simulator.GuestRule) *stage {
	t.Helper()
	s := newStage(t, simulator.Config{Guests: rules}, func(*stage) string { return "" })
	in := launchInput(warmUp(s))
	in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorStop
	s.id = aws.ToString(mustLaunch(t.Context(), t, s.cloud, in).InstanceId)
	return s
}

// claim replaces the user data of the stopped machine and starts it.
func (s *stage) claim(userData string) {
	s.t.Helper()
	_, err := s.cloud.ModifyInstanceAttribute(s.t.Context(),
		&ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(s.id),
			UserData: &types.SecureBlobAttributeValue{Value: []byte(userData)}})
	if err == nil {
		_, err = s.cloud.StartInstances(s.t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{s.id}})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// said are the lines of the boot script, without their times.
func (s *stage) said() []string {
	var lines []string
	for line := range strings.Lines(s.instance().Console) {
		if text, ours := strings.CutPrefix(strings.TrimSpace(line), "ec2-github-runner: "); ours {
			text, _, _ = strings.Cut(text, " (")
			lines = append(lines, text)
		}
	}
	return lines
}

// TestWarmUp shows the phases of a warm-up, how it ends, and what the machine's next boot finds.
func TestWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := warmStage(t).after(5 * time.Minute)
		want := []string{"boot script started", "running setup-script", "ran setup-script", "downloaded runner 2.335.0",
			"warm: reading files", "warm: read files", "warm: ready"}
		if diff := cmp.Diff(want, s.said()); diff != "" || s.instance().State != "stopped" {
			t.Errorf("%s, phases (-want +got):\n%s", s.instance().State, diff)
		}
		s.claim(ours("token", "-", "jit", s.jit)(s) + "\npart_setup_script='10 10 cat'\n")
		// 10 s to the boot script and 1 s to listen: no download, no setup.
		if got := s.after(10*time.Second).runner("ec2-jit") + " " +
			s.after(2*time.Second).runner("ec2-jit"); got != "offline online" {
			t.Errorf("runner is %s, want it online between 10 and 12 s after the start; it said %q", got, s.said())
		}
	})
}

// TestBadWarmUps shows how a warm-up fails, that the machine is off then, and that the next boot does what is missing.
func TestBadWarmUps(t *testing.T) {
	for _, c := range []struct {
		rule simulator.GuestRule
		last string // what the warm-up says last
		want string // at the next boot
	}{
		{simulator.GuestRule{Fault: simulator.GuestSetupFails},
			"powering off: setup-script failed with exit 3 at line 7: make tools", "running setup-script"},
		{simulator.GuestRule{Fault: simulator.GuestHangs},
			"powering off: the machine is not warm after 10m0s; the last that happened: running setup-script",
			"running setup-script"},
		{simulator.GuestRule{Fault: simulator.GuestNoRoute},
			"powering off: the machine is not warm after 10m0s; the last that happened: downloading runner 2.335.0",
			"downloaded runner 2.335.0"},
		{simulator.GuestRule{Fault: simulator.GuestNeverRegisters},
			"powering off: the machine is not warm after 10m0s; the last that happened: boot script started",
			"downloaded runner 2.335.0"},
		{simulator.GuestRule{Fault: simulator.GuestFails, Message: "error: disk full"}, "powering off: disk full",
			"running setup-script"},
		{simulator.GuestRule{Fault: simulator.GuestScriptFails}, "warm: ready",
			"found runner 2.335.0 in /actions-runner"},
	} {
		t.Run(string(c.rule.Fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.rule.When, c.rule.Times = simulator.WhenWarmUp, 1
				s := warmStage(t, c.rule).after(12 * time.Minute)
				said := s.said()
				if got := said[len(said)-1]; got != c.last || s.instance().State != "stopped" {
					t.Errorf("%s, says last %q, want %q", s.instance().State, got, c.last)
				}
				s.claim(ours("token", "-", "jit", s.jit)(s) + "\npart_setup_script='10 10 cat'\n")
				if got := s.after(2 * time.Minute).runner("ec2-jit"); got != "online" {
					t.Errorf("runner is %s", got)
				}
				if now := s.said()[len(said):]; !strings.Contains(strings.Join(now, "\n"), c.want) {
					t.Errorf("the next boot says %q, want %q", now, c.want)
				}
			})
		})
	}
}

// TestRuleForLaterBoots leaves a machine's first boot alone.
func TestRuleForLaterBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := warmStage(t, simulator.GuestRule{When: simulator.WhenLater,
			Fault: simulator.GuestNeverBoots}).after(5 * time.Minute)
		if got := s.instance().State; got != "stopped" {
			t.Fatalf("after its warm-up the machine is %s", got)
		}
		s.claim(ours("token", "-", "jit", s.jit)(s))
		if got := s.after(5 * time.Minute).runner("ec2-jit"); got != "offline" {
			t.Errorf("runner is %s, want offline", got)
		}
	})
}

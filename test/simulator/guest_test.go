package simulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"maps"
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

// stage is a world with one machine in it.
type stage struct {
	*simulator.World
	t     *testing.T
	cloud *ec2.Client
	token string
	jit   string
	id    string
}

// newStage launches a machine whose user data are made from a registration token and a JIT configuration. Its shutdown
// behaviour is to terminate.
func newStage(t *testing.T, cfg simulator.Config, userData func(*stage) string) *stage {
	t.Helper()
	s := &stage{World: simulator.New(cfg), t: t}
	by := inProcess(s.World)
	hub := by.github(t, "ghp_demo")
	token, _, err := hub.Actions.CreateRegistrationToken(t.Context(), "demo-org", "demo")
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := hub.Actions.GenerateRepoJITConfig(t.Context(), "demo-org", "demo", jit("ec2-jit", "jit"))
	if err != nil {
		t.Fatal(err)
	}
	s.token, s.jit, s.cloud = token.GetToken(), made.GetEncodedJITConfig(), by.ec2(t, "us-east-1")
	in := launchInput(userData(s))
	in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorTerminate
	s.id = aws.ToString(mustLaunch(t.Context(), t, s.cloud, in).InstanceId)
	return s
}

func (s *stage) instance() simulator.Instance {
	for _, i := range s.Snapshot().Instances {
		if i.ID == s.id {
			return i
		}
	}
	s.t.Fatal("instance is gone")
	return simulator.Instance{}
}

// runner tells "online", "offline" or "none", and " busy".
func (s *stage) runner(name string) string {
	for _, r := range s.Snapshot().Runners {
		if r.Name == name {
			if r.Busy {
				return r.Status + " busy"
			}
			return r.Status
		}
	}
	return "none"
}

func (s *stage) after(d time.Duration) *stage {
	pause(s.t.Context(), d)
	return s
}

// ours is user data of this project, with further keys as pairs.
func ours(pairs ...string) func(*stage) string {
	return func(s *stage) string {
		values := map[string]string{"name": "ec2-own", "labels": "own,extra", "url": "https://github.com/demo-org/demo",
			"token": s.token, "unknown": "ignored"}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = pairs[i+1]
		}
		maps.DeleteFunc(values, func(_, v string) bool { return v == "-" })
		return egr(values)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// TestDialects shows every form of user data that makes a runner, and that nothing else does.
func TestDialects(t *testing.T) {
	for _, c := range []struct {
		name     string
		userData func(*stage) string
		runner   string
		want     string
	}{
		{"machulav by token", func(s *stage) string { return machulav(s.token, "abc") }, "ec2-abc", "online"},
		{"machulav by JIT", func(s *stage) string { return "#!/bin/bash\n./run.sh --jitconfig " + s.jit + "\n" },
			"ec2-jit",
			"online"},
		{"ours by token", ours(), "ec2-own", "online"},
		{"ours compressed", func(s *stage) string { return gzipped(ours()(s)) }, "ec2-own", "online"},
		{"ours by index", ours("name_by_index", "true"), "ec2-own-0", "online"},
		{"ours by JIT", func(s *stage) string { return ours("token", "-", "jit", s.jit)(s) }, "ec2-jit", "online"},
		{"ours by JIT, verbatim", func(s *stage) string { return ours("token", "")(s) + "JIT='" + s.jit + "'\n" },
			"ec2-jit",
			"online"},
		{"a token that nobody issued", ours("token", "AABBBBBBBBBBBBBBBBBBBBBBBBBBB"), "ec2-own", "none"},
		{"a name that another has, and one of its own", ours("name", "taken", "other", "ec2-own"), "ec2-own", "online"},
		{"no registration", func(*stage) string { return "#!/bin/bash\ntrue\n" }, "ec2-own", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, simulator.Config{Runners: []simulator.RunnerSeed{{Name: "taken"}}}, c.userData)
				if got := s.after(40 * time.Second).runner(c.runner); got != c.want {
					t.Errorf("runner is %s, want %s; console:\n%s", got, c.want, s.instance().Console)
				}
				if changed := s.Changed(); len(changed) > 0 {
					t.Errorf("changed %v", changed)
				}
			})
		})
	}
}

// TestReplace takes over the registration of an offline runner of the same name, as config.sh --replace does: the id
// stays.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{Runners: []simulator.RunnerSeed{{Name: "ec2-own", ID: 77, Offline: true,
			Labels: []string{"old"}}}}, ours())
		r := s.after(40 * time.Second).Snapshot().Runners[0]
		if r.ID != 77 || r.Status != "online" || r.Labels[len(r.Labels)-1] != "extra" {
			t.Errorf("runner %+v, want the old id with the new labels", r)
		}
	})
}

// TestEnds shows each way in which a machine ends by itself, and that none ends one at work.
func TestEnds(t *testing.T) {
	job := func(at, d time.Duration) []simulator.Job {
		return []simulator.Job{{Label: "own", After: at, Duration: d}, {Label: "jit", After: at, Duration: d}}
	}
	for _, c := range []struct {
		name     string
		cfg      simulator.Config
		userData func(*stage) string
		at       time.Duration // after launch
		want     string        // state, and state of the runner
	}{
		{"stays without watchdogs", simulator.Config{}, ours(), 48 * time.Hour, "running online"},
		{"registration timeout", simulator.Config{}, ours("token", "AABBBBBBBBBBBBBBBBBBBBBBBBBBB",
			"registration_timeout_seconds", "300"), 6 * time.Minute, "terminated none"},
		{"no network", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNoNetwork}}},
			ours("registration_timeout_seconds", "300"), 6 * time.Minute, "terminated none"},
		{"registered in time", simulator.Config{}, ours("registration_timeout_seconds", "300"), time.Hour,
			"running online"},
		{"idle before the first job", simulator.Config{}, ours("idle_timeout_seconds", "600"), 12 * time.Minute,
			"terminated offline"},
		{"busy is not idle", simulator.Config{Jobs: job(5*time.Minute, 30*time.Minute)}, ours("idle_timeout_seconds",
			"600"),
			30 * time.Minute, "running online busy"},
		{"idle after a job", simulator.Config{Jobs: job(5*time.Minute, 30*time.Minute)}, ours("idle_timeout_seconds",
			"600"),
			47 * time.Minute, "terminated offline"},
		{"idle begins anew with each job", simulator.Config{Jobs: job(5*time.Minute, time.Minute)},
			ours("idle_timeout_seconds", "600"), 13 * time.Minute, "running online"},
		{"lifetime over", simulator.Config{}, ours("max_lifetime_seconds", "3600"), 62 * time.Minute,
			"terminated offline"},
		{"lifetime waits for the job", simulator.Config{Jobs: job(59*time.Minute, time.Hour)},
			ours("max_lifetime_seconds",
				"3600"), 90 * time.Minute, "running online busy"},
		{"lifetime after the job", simulator.Config{Jobs: job(59*time.Minute, time.Hour)}, ours("max_lifetime_seconds",
			"3600"), 121 * time.Minute, "terminated offline"},
		{"hard lifetime", simulator.Config{Jobs: job(59*time.Minute, time.Hour)}, ours("max_lifetime_seconds", "3600",
			"max_lifetime_hard", "true"), 62 * time.Minute, "terminated offline"},
		{"ephemeral after its job", simulator.Config{Jobs: job(time.Minute, time.Minute)}, ours("ephemeral", "true"),
			4 * time.Minute, "terminated none"},
		{"ephemeral, kept after its job", simulator.Config{Jobs: job(time.Minute, time.Minute)},
			ours("ephemeral", "true", "keep_ended_seconds", "600"), 11 * time.Minute, "running none"},
		{"ephemeral, no longer kept", simulator.Config{Jobs: job(time.Minute, time.Minute)},
			ours("ephemeral", "true", "keep_ended_seconds", "600"), 14 * time.Minute, "terminated none"},
		{"JIT alone stays", simulator.Config{Jobs: job(time.Minute, time.Minute)},
			func(s *stage) string { return "./run.sh --jitconfig " + s.jit }, 4 * time.Minute, "running none"},
		{"failing script", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestScriptFails}}}, ours(),
			time.Minute, "terminated none"},
		{"failing script, kept", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestScriptFails}}},
			ours("keep_failed_seconds", "600", "registration_timeout_seconds", "300"), 9 * time.Minute, "running none"},
		{"failing script, no longer kept",
			simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestScriptFails}}},
			ours("keep_failed_seconds",
				"600", "registration_timeout_seconds", "300"), 12 * time.Minute, "terminated none"},
		{"no route", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNoRoute}}},
			ours("registration_timeout_seconds", "300"), 6 * time.Minute, "terminated none"},
		{"no cloud-init", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNoCloudInit}}},
			ours("registration_timeout_seconds", "300"), time.Hour, "running none"},
		{"another user data", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNoUserData}}},
			ours("registration_timeout_seconds", "300"), time.Hour, "running none"},
		{"dies while booting", simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestDies,
			At: 8 * time.Second, Reason: "Server.SpotInstanceTermination"}}}, ours(), time.Minute, "terminated none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, c.cfg, c.userData)
				name := "ec2-own"
				if strings.Contains(c.name, "JIT") {
					name = "ec2-jit"
				}
				// Waiting in two steps shows that what is due happens in its order, however late somebody looks.
				s.after(c.at / 2)
				if got := s.after(c.at-c.at/2).instance().State + " " + s.runner(name); got != c.want {
					t.Errorf("after %s: %s, want %s; console:\n%s", c.at, got, c.want, s.instance().Console)
				}
			})
		})
	}
}

// TestStopped shows that the shutdown behaviour decides what a power-off makes of the instance.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.Config{Guests: []simulator.GuestRule{{PowerOffAt: time.Minute}}})
		mustLaunch(t.Context(), t, inProcess(w).ec2(t, "us-east-1"), launchInput(""))
		pause(t.Context(), 2*time.Minute)
		i := w.Snapshot().Instances[0]
		if i.State != "stopped" || i.StateReason != "Client.InstanceInitiatedShutdown" {
			t.Errorf("%s for %s, want stopped by itself", i.State, i.StateReason)
		}
	})
}

// TestBusyRunner shows that a busy runner cannot be removed, and when it stops being busy once its machine is gone.
func TestBusyRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, ours())
		s.after(40 * time.Second)
		s.RunJob("OWN", time.Hour)
		hub := inProcess(s.World).github(t, "ghp_demo")
		var id int64
		for _, r := range s.Snapshot().Runners {
			if r.Name == "ec2-own" {
				id = r.ID
			}
		}
		remove := func() int {
			resp, _ := hub.Actions.RemoveRunner(t.Context(), "demo-org", "demo", id)
			return status(resp)
		}
		got := []int{remove()}
		terminate(t, s.cloud, s.id)
		got = append(got, remove())
		s.after(2 * time.Minute)
		got = append(got, remove())
		if diff := cmp.Diff([]int{422, 422, 204}, got); diff != "" {
			t.Errorf("removals (-want +got):\n%s", diff)
		}
		if j := s.Jobs()[0]; j.State != "lost" {
			t.Errorf("the job is %s, want lost", j.State)
		}
	})
}

// TestConsole reads the console as EC2 gives it: at once with Latest, and otherwise as it was shortly after the launch,
// however late.
func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, ours())
		s.after(27 * time.Second)
		read := func(latest bool) string {
			out, err := s.cloud.GetConsoleOutput(t.Context(), &ec2.GetConsoleOutputInput{InstanceId: aws.String(s.id),
				Latest: aws.Bool(latest)})
			if err != nil {
				t.Fatal(err)
			}
			text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got := read(false); got != "" {
			t.Errorf("the console shows %q already", got)
		}
		if got := read(true); !strings.Contains(got, "ec2-github-runner: runner ec2-own is online (26.0 s)") {
			t.Errorf("the latest console has no phase:\n%s", got)
		}
		s.after(10 * time.Second)
		posted := read(false)
		if !strings.Contains(posted, "runner ec2-own is online") {
			t.Errorf("the console that was posted after the launch:\n%s", posted)
		}
		s.RunJob("own", time.Minute)
		s.after(10 * time.Minute)
		if got := read(false); got != posted {
			t.Errorf("it has changed while the machine's state did not:\n%s", got)
		}
	})
}

// TestNoWayOut puts a machine where it reaches nobody: it boots, says so, and does not register.
func TestNoWayOut(t *testing.T) {
	for _, c := range []struct {
		subnet, group string
		want          string
	}{
		{"subnet-0aaaaaaaaaaaaaa91", "sg-0aaaaaaaaaaaaaaa1", "none"},
		{"subnet-0aaaaaaaaaaaaaa92", "sg-0aaaaaaaaaaaaaaa1", "online"},
		{"subnet-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaa91", "none"},
		{"subnet-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaa92", "online"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := simulator.Defaults()
			cfg.Subnets = append(cfg.Subnets, simulator.Subnet{ID: "subnet-0aaaaaaaaaaaaaa91", Zone: "us-east-1a",
				VPC: "vpc-0aaaaaaaaaaaaaaaa", Private: true},
				simulator.Subnet{ID: "subnet-0aaaaaaaaaaaaaa92", Zone: "us-east-1a", VPC: "vpc-0aaaaaaaaaaaaaaaa",
					Private: true,
					NAT:     true})
			cfg.SecurityGroups = append(cfg.SecurityGroups, simulator.SecurityGroup{ID: "sg-0aaaaaaaaaaaaaa91",
				Region: "us-east-1", VPC: "vpc-0aaaaaaaaaaaaaaaa", Egress: "none"},
				simulator.SecurityGroup{ID: "sg-0aaaaaaaaaaaaaa92", Region: "us-east-1", VPC: "vpc-0aaaaaaaaaaaaaaaa",
					Egress: "https"})
			s := newStage(t, cfg, func(*stage) string { return "" })
			in := launchInput(ours()(s))
			in.SubnetId, in.SecurityGroupIds = aws.String(c.subnet), []string{c.group}
			s.id = aws.ToString(mustLaunch(t.Context(), t, s.cloud, in).InstanceId)
			if got := s.after(time.Minute).runner("ec2-own"); got != c.want {
				t.Errorf("%s with %s: runner is %s, want %s; console:\n%s", c.subnet, c.group, got, c.want,
					s.instance().Console)
			}
		})
	}
}

// TestGuestRules picks one machine of several: by the name of its runner, by its number, and for so many boots.
func TestGuestRules(t *testing.T) {
	for name, rule := range map[string]simulator.GuestRule{
		"by the JIT runner's name": {Runner: "ec2-j?t", Fault: simulator.GuestNeverBoots},
		"by number":                {Nth: 1, Fault: simulator.GuestNeverBoots},
		"once":                     {Times: 1, Fault: simulator.GuestNeverBoots},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, simulator.Config{Guests: []simulator.GuestRule{rule}},
					func(s *stage) string { return "./run.sh --jitconfig " + s.jit })
				mustLaunch(t.Context(), t, s.cloud, launchInput(ours()(s)))
				s.after(time.Minute)
				if got := s.runner("ec2-jit") + " " + s.runner("ec2-own"); got != "offline online" {
					t.Errorf("runners are %s, want the second alone to be online", got)
				}
			})
		})
	}
}

// TestExpiredToken lets a machine boot with a registration token that is older than an hour.
func TestExpiredToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, func(*stage) string { return "" })
		s.after(time.Hour)
		s.AttachGuest("i-0fedcba9876543210", 0, []byte(ours()(s)))
		if got := s.after(time.Minute).runner("ec2-own"); got != "none" {
			t.Errorf("runner is %s, want none", got)
		}
	})
}

// TestAttachedGuest registers a machine of another EC2 with this GitHub.
func TestAttachedGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, simulator.Config{}, func(*stage) string { return "" })
		s.AttachGuest("i-0fedcba9876543210", 3, []byte(ours("name_by_index", "true")(s)))
		if got := s.after(40 * time.Second).runner("ec2-own-3"); got != "online" {
			t.Errorf("runner is %s, want online", got)
		}
		s.DetachGuest("i-0fedcba9876543210")
		if got := s.after(20 * time.Second).runner("ec2-own-3"); got != "offline" {
			t.Errorf("after its end the runner is %s, want offline", got)
		}
	})
}

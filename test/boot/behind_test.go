//go:build boottest

package boot

import (
	"fmt"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// TestBehind: a runner in the image that lacks the newest release never updates itself while a job waits.
func TestBehind(t *testing.T) {
	nextSum, err := fileSum(parts.next)
	must(t, err)
	// GitHub has a release that the image lacks, and the start knows it.
	behind := func(change func(*bootstrap.Spec)) func(*bootstrap.Spec) {
		return func(s *bootstrap.Spec) {
			s.Software, s.MaxLifetime = softwareOf(newer, nextSum), 5*24*time.Hour
			if change != nil {
				change(s)
			}
		}
	}
	world := func(p *plan.Plan) {
		p.Version, p.Tarball = newer, parts.next
		p.Jobs = []plan.Job{{Name: "a", Script: "pwd"}}
	}
	never := func(home string) func(*testing.T, *instance) {
		return func(t *testing.T, i *instance) {
			t.Helper()
			says(home+"/_work")(t, i)
			if e, ok := i.find("self-update begins"); ok {
				t.Errorf("it updates itself: %+v", e)
			}
		}
	}
	const young, old = "touch /opt/actions-runner/.ec2-github-runner\n",
		"touch -d '27 days ago' /opt/actions-runner/.ec2-github-runner\n"
	const ours = "/opt/actions-runner"
	runAll(t, []scenario{
		{
			name: "baked a while ago, by token", image: parts.ours, spec: behind(nil), before: young, plan: world,
			check: never(ours),
		},
		{
			name: "baked a while ago, by JIT, with a user and a script", image: parts.ours, jit: true, before: young,
			plan: world, check: never(ours),
			spec: behind(func(s *bootstrap.Spec) { s.User, s.PreRunnerScript = "debian", "export A=1\n" }),
		},
		{
			name: "baked a while ago, as a service", image: parts.ours, before: young, plan: world, check: never(ours),
			spec: behind(
				func(s *bootstrap.Spec) { s.Service, s.User, s.Packages = true, "debian", []string{"egr-sample"} },
			),
		},
		{
			name: "baked long ago: too long for how long the machine may live", image: parts.ours, spec: behind(nil),
			before: old, plan: world, check: never(ours + "-" + newer),
		},
		{
			name: "baked a while ago, for a machine without an end", image: parts.ours,
			spec: behind(func(s *bootstrap.Spec) { s.MaxLifetime = 0 }), before: young, plan: world,
			check: never(ours + "-" + newer),
		},
		{
			name: "baked long ago, by JIT, with a user, a script and packages", image: parts.ours, jit: true,
			before: old, plan: world, check: never(ours + "-" + newer),
			spec: behind(func(s *bootstrap.Spec) {
				s.User, s.PreRunnerScript, s.Packages = "debian", "export A=1\n", []string{"egr-sample"}
			}),
		},
		{
			name: "somebody else's image", image: parts.preinstalled,
			spec: behind(func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }), plan: world,
			check: never("/opt/runner-" + newer),
		},
		{
			name: "an image with the registration of a runner that was moved", image: parts.ours, jit: true,
			before: young + `echo '{"AgentId":"12","AgentName":"other","DisableUpdate":"True"}' | tee ` +
				`/opt/actions-runner/.runner_migrated >/opt/actions-runner/.credentials_migrated` + "\n",
			plan: job("ls -A .. | grep -c migrated || :"), check: says("0"),
		},
		{
			name: "the same by token", image: parts.ours,
			before: young + `echo '{"AgentId":"12"}' | tee /opt/actions-runner/.runner_migrated ` +
				`>/opt/actions-runner/.credentials_migrated` + "\n",
			plan: job("ls -A .. | grep -c migrated || :"), check: says("0"),
		},
	})
}

// TestSpeedOfReleases: how long a job waits for a runner that lacks the newest release, for each way of dealing with
// it. The archive is as large as the real one.
func TestSpeedOfReleases(t *testing.T) {
	if *pairs == 1 {
		t.Parallel() // with all other cases: what each does must be right, and nothing is timed
	}
	large, err := tarball(parts.dir, parts.machine, newer, largeTarball)
	must(t, err)
	sum, err := fileSum(large)
	must(t, err)
	const mark = "touch -d '%s' /opt/actions-runner/.ec2-github-runner\n"
	for _, way := range []struct {
		name, baked string
		software    []bootstrap.Software
		updates     bool
	}{
		{"it updates itself", "1 day ago", nil, true},
		{"the newest beside it", "40 days ago", softwareOf(newer, sum), false},
		{"no update", "1 day ago", softwareOf(newer, sum), false},
	} {
		s := byToken()
		s.Software, s.MaxLifetime = way.software, 5*24*time.Hour
		p := ordinary()
		p.Version, p.Tarball, p.Configuring, p.Connecting = newer, large, 2*time.Second, time.Second
		// The job comes after the runner has had time to hear about the release, as at GitHub.
		p.Jobs = []plan.Job{{Name: "a", Script: "true", After: 500 * time.Millisecond}}
		i := boot(t, launch{image: parts.ours, userData: userData(t, s), plan: p, before: fmt.Sprintf(mark, way.baked)})
		begins := i.wait("job a begins", 2*soon).At - i.start
		if _, updates := i.find("self-update begins"); updates != way.updates {
			t.Errorf("%s: updates itself: %v", way.name, updates)
		}
		if *pairs > 1 {
			t.Logf("%s: the job begins after %.1f s", way.name, begins.Seconds())
		}
		_, err := engine("kill", i.name)
		must(t, err)
	}
}

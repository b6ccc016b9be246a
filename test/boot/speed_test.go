//go:build boottest

package boot

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

var pairs = flag.Int("pairs", 1, "how often each user data is booted, one after the other; once, only two of the "+
	"races are run, and nothing is judged")

// race is one way to start, and its competitors.
type race struct {
	name  string
	image string
	spec  bootstrap.Spec
	// bare does the same with nothing around it: the least that a machine needs. It too starts the runner only once
	// cloud-init has set up the machine for a job.
	bare, rival string
	// share is the largest accepted ratio of our time to the rival's.
	share float64
}

// races use a tarball of the real size at 80 MB a second, and a runner that takes 2 s to configure and 1 s to connect.
func races(t *testing.T) []race {
	t.Helper()
	large, err := tarball(parts.dir, parts.machine, newest, largeTarball)
	must(t, err)
	sum, err := fileSum(large)
	must(t, err)
	parts.large = large
	const download = "mkdir -p /actions-runner; cd /actions-runner; curl -fsSL " +
		"https://github.com/actions/runner/releases/download/v" + newest + "/actions-runner-linux-x64-" + newest +
		".tar.gz | tee >(sha256sum >/run/sum) | tar xz"
	const register = "./config.sh --unattended --url " + plan.Scope + " --token " + plan.Token +
		" --labels k3x9a --name " + jitName + " --replace"
	const ready = "until systemctl is-active --quiet cloud-config; do sleep 0.05; done"
	bare := func(steps ...string) string {
		return "#cloud-boothook\n#!/bin/bash\n(set -e; export HOME=/root RUNNER_ALLOW_RUNASROOT=1\n" +
			strings.Join(steps, "\n") + "\n) >/tmp/bare.log 2>&1 </dev/null &\n"
	}
	runJIT := "./run.sh --jitconfig " + jit
	spec := func(base bootstrap.Spec, home string) bootstrap.Spec {
		base.Software, base.HomeDir = software(sum), home
		return base
	}
	home := rivalIn("/opt/runner")
	all := []race{
		{
			"download, by JIT", parts.bookworm, spec(byJIT(), ""), bare(download, ready, runJIT),
			machulav(slices.Concat(rivalDownload, rivalJIT)...), 0.80,
		},
		{
			"download, by token", parts.bookworm, spec(byToken(), ""), bare(download, register, ready, "./run.sh"),
			machulav(slices.Concat(rivalDownload, rivalToken)...), 0.85,
		},
		{
			"preinstalled, by JIT", parts.preinstalled, spec(byJIT(), "/opt/runner"),
			bare("cd /opt/runner", ready, runJIT), machulav(slices.Concat(home, rivalJIT)...), 0.85,
		},
		{
			"preinstalled, by token", parts.preinstalled, spec(byToken(), "/opt/runner"),
			bare("cd /opt/runner", register, ready, "./run.sh"), machulav(slices.Concat(home, rivalToken)...), 0.88,
		},
	}
	if *pairs == 1 {
		return all[1:3]
	}
	return all
}

// TestSpeed measures the time from the container's start to a listening runner on an idle host, and checks how much
// later than the bare one ours is, and its ratio to the rival's time; each is the median of the rounds.
func TestSpeed(t *testing.T) {
	if *pairs == 1 {
		t.Parallel() // with all other cases: each must come online, and nothing is timed
	}
	for _, r := range races(t) {
		racers := []struct{ name, data string }{{"bare", r.bare}, {"ours", string(userData(t, r.spec))},
			{"machulav", r.rival}}
		times, booted := map[string][]time.Duration{}, true
		for range *pairs {
			for _, racer := range racers {
				booted = t.Run(r.name+", "+racer.name, func(t *testing.T) {
					p := ordinary()
					p.Tarball, p.Rate, p.Configuring, p.Connecting = parts.large, 80e6, 2*time.Second, time.Second
					i := boot(t, launch{image: r.image, userData: []byte(racer.data), plan: p})
					e := i.wait("online", soon)
					times[racer.name] = append(times[racer.name], e.At-i.start)
					t.Log(i.phases())
				}) && booted
			}
		}
		if !booted {
			return
		}
		if len(times["ours"]) == 0 || *pairs == 1 {
			continue // another race was requested, or none
		}
		line := fmt.Sprintf("%-22s", r.name)
		for _, racer := range racers {
			line += fmt.Sprintf("  %s %5.2f s (%.1f to %.1f)", racer.name, median(times[racer.name]).Seconds(),
				slices.Min(times[racer.name]).Seconds(), slices.Max(times[racer.name]).Seconds())
		}
		var later, shares []float64
		for n, ours := range times["ours"] {
			later = append(later, (ours - times["bare"][n]).Seconds())
			shares = append(shares, ours.Seconds()/times["machulav"][n].Seconds())
		}
		t.Logf("%s  ours - bare %+.2f s  ours / machulav %.2f", line, median(later), median(shares))
		if median(later) > 0.5 || median(shares) > r.share {
			t.Errorf("%s: ours may be 0.5 s later than the bare one and take %.2f of machulav's time", r.name, r.share)
		}
	}
}

func median[T cmp.Ordered](of []T) (middle T) {
	if len(of) == 0 {
		return middle
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

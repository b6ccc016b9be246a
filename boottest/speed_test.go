//go:build boottest

package boottest

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/boottest/plan"
)

var (
	pairs   = flag.Int("pairs", 1, "how often each user data is booted, one after the other")
	against = flag.String("against", "", "files with other user data to compare with, separated by commas")
)

// race is one way to start, and who takes part in it.
type race struct {
	name  string
	image string
	spec  bootstrap.Spec
	// bare does the same with nothing around it: the least that a machine needs.
	bare  string
	rival []byte
}

// races are those of the issue: the real one's size of the tarball at 80 MB a second, a runner that takes
// 2 s to configure and 1 s to connect.
func races(t *testing.T) []race {
	t.Helper()
	large, err := tarball(parts.dir, parts.machine, newest, largeTarball)
	must(t, err)
	sum, err := fileSum(large)
	must(t, err)
	parts.large = large
	const download = "mkdir -p /actions-runner; cd /actions-runner; curl -fsSL https://github.com/actions/runner/releases/download/v" + newest + "/actions-runner-linux-x64-" + newest + ".tar.gz | tee >(sha256sum >/run/sum) | tar xz"
	const register = "./config.sh --unattended --url " + plan.Scope + " --token " + plan.Token + " --labels k3x9a --name " + jitName + " --replace"
	bare := func(steps ...string) string {
		return "#cloud-boothook\n#!/bin/bash\n(set -e; export HOME=/root RUNNER_ALLOW_RUNASROOT=1\n" + strings.Join(steps, "\n") + "\n) >/tmp/bare.log 2>&1 </dev/null &\n"
	}
	runJIT := "./run.sh --jitconfig " + jit
	spec := func(base bootstrap.Spec, home string) bootstrap.Spec {
		base.Software, base.HomeDir = software(sum), home
		return base
	}
	all := []race{
		{name: "download, by JIT", image: parts.bookworm, spec: spec(byJIT(), ""), bare: bare(download, runJIT)},
		{name: "download, by token", image: parts.bookworm, spec: spec(byToken(), ""), bare: bare(download, register, "./run.sh")},
		{name: "preinstalled, by JIT", image: parts.preinstalled, spec: spec(byJIT(), "/opt/runner"), bare: bare("cd /opt/runner", runJIT)},
		{name: "preinstalled, by token", image: parts.preinstalled, spec: spec(byToken(), "/opt/runner"), bare: bare("cd /opt/runner", register, "./run.sh")},
	}
	for _, file := range strings.FieldsFunc(*against, func(r rune) bool { return r == ',' }) {
		text, err := os.ReadFile(file)
		must(t, err)
		n := 0
		if !bytes.Contains(text, []byte(jit)) {
			n++
		}
		if bytes.Contains(text, []byte("/opt/runner\"")) || bytes.Contains(text, []byte("/opt/runner\n")) {
			n += 2
		}
		all[n].rival = text
	}
	return all
}

// TestSpeed prints how long it takes from the container's start to a runner that listens. It fails only if
// one does not come online: how fast is for whoever reads it to judge, on a machine that does nothing else.
func TestSpeed(t *testing.T) {
	for _, r := range races(t) {
		racers := []struct {
			name string
			data []byte
		}{{"bare", []byte(r.bare)}, {"ours", userData(t, r.spec)}, {"rival", r.rival}}
		times := map[string][]time.Duration{}
		for range *pairs {
			for _, racer := range racers {
				if racer.data == nil {
					continue
				}
				t.Run(r.name+", "+racer.name, func(t *testing.T) {
					p := ordinary()
					p.Tarball, p.Rate, p.Configuring, p.Connecting = parts.large, 80e6, 2*time.Second, time.Second
					i := boot(t, launch{image: r.image, userData: racer.data, plan: p})
					e := i.wait("online", soon)
					times[racer.name] = append(times[racer.name], e.At-i.start)
					if racer.name == "ours" {
						t.Log(i.phases())
					}
				})
			}
		}
		line := fmt.Sprintf("%-22s", r.name)
		for _, racer := range racers {
			if len(times[racer.name]) > 0 {
				line += fmt.Sprintf("  %s %5.2f s (%.1f to %.1f)", racer.name, median(times[racer.name]).Seconds(), slices.Min(times[racer.name]).Seconds(), slices.Max(times[racer.name]).Seconds())
			}
		}
		line += fmt.Sprintf("  ours - bare %+.2f s", (median(times["ours"]) - median(times["bare"])).Seconds())
		if r.rival != nil {
			line += fmt.Sprintf("  ours / rival %.2f", median(times["ours"]).Seconds()/median(times["rival"]).Seconds())
		}
		t.Log(line)
	}
}

func median[T cmp.Ordered](of []T) (middle T) {
	if len(of) == 0 {
		return middle
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

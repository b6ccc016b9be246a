//go:build boottest

package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// bakedImages begins the names of baked images.
const bakedImages = "egr/boottest-baked:"

// image stops the machine from outside and makes an image of its disk.
func (i *instance) image(t *testing.T) string {
	t.Helper()
	_, err := engine("exec", i.name, "systemctl", "--no-block", "poweroff")
	must(t, err)
	i.waitOff(soon)
	tag := bakedImages + i.name
	_, err = engine("commit", i.name, tag)
	must(t, err)
	t.Cleanup(func() {
		if _, err := engine("rmi", "--force", tag); err != nil {
			t.Error(err)
		}
	})
	return tag
}

// carriesNothing checks that an image contains nothing of the builder's identity, secrets or history.
func carriesNothing(t *testing.T, image, id string) {
	const look = `cd /; cat etc/machine-id; ls -d etc/ssh/ssh_host_* root/.bash_history root/.ssh/authorized_keys ` +
		`opt/actions-runner/.runner var/lib/apt/lists/* var/lib/cloud/instance* var/lib/cloud/data ` +
		`var/lib/systemd/random-seed tmp/* 2>/dev/null
find var/log -type f -size +0 ! -path '*/journal/*'; grep -rlI %s etc opt root home var usr/local 2>/dev/null; [ -e ` +
		`usr/share/setup-was-here ] || echo no setup; [ -e usr/share/runner-dependencies ] || echo no dependencies
[ "$(cat usr/share/setup-was-here)" = '/root root' ] || cat usr/share/setup-was-here; true`
	left, err := engine("run", "--rm", "--network", "none", image, "bash", "-c", fmt.Sprintf(look, id))
	must(t, err)
	if left != "" {
		t.Errorf("the image carries %s", left)
	}
}

// anew removes docker's folder: a container cannot rename folders of its image, as docker does with its own when it
// starts.
const anew = "rm -rf /var/lib/docker\n"

// fromImage returns starts from an image of ours.
func fromImage(t *testing.T, image string) []scenario {
	t.Helper()
	elsewhere := t.TempDir()
	must(t, certificates(elsewhere))
	other, err := os.ReadFile(filepath.Join(elsewhere, "github.pem"))
	must(t, err)
	early := func(t *testing.T, i *instance) {
		t.Helper()
		if got := i.sh("systemctl show -P After ec2-github-runner | tr ' ' '\\n' | grep cloud || echo " +
			"none"); got != "none" {
			t.Errorf("the runner is ordered after %s", got)
		}
	}
	return []scenario{
		{
			name: "by JIT, with docker in the first step", image: image, source: "Ec2", jit: true, before: anew,
			plan: job("pwd; docker version --format '{{.Server.Version}}' >/dev/null && echo docker"),
			check: func(t *testing.T, i *instance) {
				says("/opt/actions-runner/_work\ndocker")(t, i)
				early(t, i)
				if e, ok := i.find("download begins"); ok {
					t.Errorf("it downloads although the runner is there: %+v", e)
				}
				// cloud-init comes second, with the same bytes, and starts nothing again.
				i.poll("cloud-init is done", soon, time.Second,
					func() bool { return i.sh("[ -e /run/cloud-init/result.json ] && echo yes || echo no") == "yes" })
				if got := i.sh("cksum </var/lib/cloud/instance/boothooks/part-001 | cmp - " +
					"/run/ec2-github-runner/state/user-data && systemctl is-active docker containerd | uniq; ls -d " +
					"/run/ec2-github-runner-early 2>&1 | grep -o 'No such'; systemctl is-enabled " +
					"snapd.seeded.service apt-daily.timer || :"); got != "active\nNo such\nmasked\nmasked" {
					t.Errorf("got %q", got)
				}
				got := i.sh("for u in docker containerd ec2-github-runner; do systemctl show -P " +
					"ExecMainStartTimestampMonotonic $u; done | sort -n | head -n 1; systemctl show -P " +
					"ExecMainStartTimestampMonotonic ec2-github-runner")
				if len(slices.Compact(strings.Fields(got))) != 1 {
					t.Errorf("docker starts before the runner: %q", got)
				}
				if got := strings.Count(i.console(), "boot script started"); got != 1 {
					t.Errorf("started %d times", got)
				}
			},
		},
		{
			name: "by token, as the image's user", image: image, source: "Ec2", before: anew,
			spec: func(s *bootstrap.Spec) { s.User = "runner" },
			plan: job("id -un; id -nG | tr ' ' '\\n' | grep docker; sudo id -un 2>/dev/null; docker version --format " +
				"'{{.Server.Version}}' >/dev/null && echo works"),
			check: func(t *testing.T, i *instance) {
				says("runner\ndocker\nroot\nworks")(t, i)
				early(t, i)
			},
		},
		{
			name: "with a script, which runs where scripts always ran", image: image, source: "Ec2", before: anew,
			spec: script("export A=$(systemctl is-active cloud-config.service) B=$(docker version --format 1)\n"),
			plan: job("echo $A $B"), check: says("active 1"),
		},
		{
			name: "over a reboot", image: image, source: "Ec2", before: anew,
			plan: func(p *plan.Plan) {
				p.Jobs = []plan.Job{{Name: "a", Script: "echo first"},
					{Name: "b", Script: "sleep 100", After: time.Second}, {Name: "c", Script: "echo again"}}
			},
			check: func(t *testing.T, i *instance) {
				says("first")(t, i)
				i.wait("job b begins", soon)
				i.sh("systemctl reboot || :")
				i.again()
				i.wait("job c succeeded", soon)
				if e, ok := i.find("registered"); ok {
					t.Errorf("at the second boot: %+v", e)
				}
			},
		},
		{
			name: "a JavaScript action trusts what was baked, by JIT and as a user", image: image, source: "Ec2",
			jit: true, before: anew, args: withNode(t),
			spec: func(s *bootstrap.Spec) { s.User = "runner" }, plan: job(ask), check: says("404"),
		},
		{
			name: "a JavaScript action trusts what was baked, as a service", image: image, source: "Ec2",
			before: anew, args: withNode(t),
			spec: func(s *bootstrap.Spec) { s.Service, s.User = true, "runner" }, plan: job(ask), check: says("404"),
		},
		{
			name: "a JavaScript action trusts what was baked, beside what the start brings", image: image,
			source: "Ec2", before: anew, args: withNode(t),
			spec: func(s *bootstrap.Spec) { s.CACertificates = string(other) }, plan: job(ask), check: says("404"),
		},
		{
			name: "a runner in it that has become too old", image: image, source: "Ec2", jit: true,
			before: anew + "echo " + outdated + " >/opt/actions-runner/bin/version\n",
			check: func(t *testing.T, i *instance) {
				i.waitConsole("warning: runner " + outdated +
					" in /opt/actions-runner is too old: bake the image again")
				if got := i.wait("online", soon).Detail; got != newest+" /opt/actions-runner-"+newest {
					t.Errorf("online is %q", got)
				}
			},
		},
		{
			name: "a runner in it that GitHub refuses when it connects", image: image, source: "Ec2", before: anew,
			spec: func(s *bootstrap.Spec) { s.Software = nil },
			plan: func(p *plan.Plan) { p.Version, p.Least, p.Tarball = newer, newer, parts.next },
			check: func(t *testing.T, i *instance) {
				i.waitConsole("warning: runner " + newest + " in /opt/actions-runner is too old: bake the image again")
				if got := i.wait("online", soon).Detail; got != newer+" /opt/actions-runner-"+newer {
					t.Errorf("online is %q", got)
				}
			},
		},
	}
}

//go:build boottest

package boot

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// nonce is the nonce of these bakes.
const nonce = "b4k3"

// builder is a stock machine with a nested docker without a bridge, and with the services that slow down a stock
// machine. It installs from stand-ins of Debian's, Docker's and NVIDIA's repositories.
const builder = `mkdir -p /etc/docker
[ -s /etc/docker/daemon.json ] || echo ` +
	`'{"bridge":"none","iptables":false,"ip6tables":false,"storage-driver":"vfs"}' >/etc/docker/daemon.json
[ -e /etc/was-built ] || { touch /etc/was-built; echo secret >/root/.bash_history; mkdir -p /root/.ssh; echo key ` +
	`>/root/.ssh/authorized_keys; echo key >/etc/ssh/ssh_host_rsa_key; }
`

// ubuntu turns the builder into an Ubuntu with a GPU.
const ubuntu = `rm -f /etc/os-release; printf 'ID=ubuntu\nPRETTY_NAME="Ubuntu ` +
	`24.04"\nVERSION_ID=24.04\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n' >/etc/os-release
mount -t tmpfs none /sys/bus/pci/devices && mkdir /sys/bus/pci/devices/gpu && echo 0x10de ` +
	`>/sys/bus/pci/devices/gpu/vendor
`

// bake is one bake: a recipe, the world, and what must be true in the end.
type bake struct {
	name   string
	recipe func(*ami.Recipe)
	plan   func(*plan.Plan)
	before string
	args   []string // further arguments of docker
	check  func(*testing.T, *instance)
}

func (b bake) boot(t *testing.T) *instance {
	t.Helper()
	r := ami.Recipe{Machine: machine.Machine{Architecture: "amd64"}, Nonce: nonce,
		Software: software(parts.smallSum)[0]}
	if b.recipe != nil {
		b.recipe(&r)
	}
	data, err := r.UserData()
	must(t, err)
	p := ordinary()
	if b.plan != nil {
		b.plan(&p)
	}
	return boot(t,
		launch{image: parts.bookworm, source: "Ec2", userData: data, plan: p, before: builder + b.before, args: b.args,
			docker: true})
}

// verdict waits for the builder's verdict, as the launching process would read it.
func (i *instance) verdict() ami.Verdict {
	i.t.Helper()
	var v ami.Verdict
	i.poll("verdict", 2*soon, time.Second, func() bool {
		v = ami.ReadVerdict(i.console(), nonce)
		return v.Done || i.off()
	})
	return v
}

// bakes checks that the machine is ready for its image.
func bakes(t *testing.T, i *instance) {
	t.Helper()
	if v := i.verdict(); !v.OK {
		t.Fatalf("the bake ends as %+v\n%s", v, i.log())
	}
}

// keepsVerdict fails the test unless the builder reports the same some time later: the launching process has yet to
// read it.
func (i *instance) keepsVerdict(t *testing.T) {
	t.Helper()
	before := i.verdict()
	i.stays(later)
	after := i.verdict()
	if before.Lines, after.Lines = nil, nil; !reflect.DeepEqual(before, after) {
		t.Errorf("later the bake ends as %+v, but before as %+v", after, before)
	}
}

// reboots waits until the machine reboots by itself.
func (i *instance) reboots() {
	i.t.Helper()
	i.waitOff(2 * soon)
	i.on()
}

// log returns the bake's log.
func (i *instance) log() string {
	out, _ := engine("exec", i.name, "tail", "-n", "60", "/run/ec2-github-runner/bake.log")
	return out
}

// failsTo checks that the bake fails in that step for that reason, and keeps reporting it.
func failsTo(step, reason string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		v := i.verdict()
		if !v.Done || v.OK || v.Step != step || !strings.Contains(v.Reason, reason) {
			t.Errorf("the bake ends as %+v, want %s: %s\n%s", v, step, reason, i.log())
		}
	}
}

// TestBadBakes: what can go wrong on a builder.
func TestBadBakes(t *testing.T) {
	t.Parallel()
	setup := func(text string) func(*ami.Recipe) {
		return func(r *ami.Recipe) { r.SetupScript = text }
	}
	cuda := func(r *ami.Recipe) { r.Architecture = "cuda" }
	for _, b := range []bake{
		{
			name: "setup-script fails", recipe: setup("echo before\n\nfalse | true\nls /nowhere\necho after\n"),
			check: func(t *testing.T, i *instance) {
				failsTo("setup-script", "exit 2 at line 4: ls /nowhere")(t, i)
				if console := i.console(); !strings.Contains(console,
					"ec2-github-runner: | ls: cannot access '/nowhere'") {
					t.Error("the console does not show the log's end")
				}
				// As long as it is up.
				i.poll("said again", soon, time.Second,
					func() bool { return strings.Count(i.console(), nonce+": failed: setup-script: exit 2") > 1 })
			},
		},
		{
			name: "no machine of its architecture", recipe: func(r *ami.Recipe) { r.Architecture = "arm64" },
			check: failsTo("packages", "the machine is x86_64 and the image is for aarch64"),
		},
		{
			name: "no Ubuntu for cuda", recipe: cuda,
			check: failsTo("driver", "the recipe for cuda needs Ubuntu and this is Debian"),
		},
		{
			name:   "a package that is not to be had",
			before: "printf 'Package: jq\\nPin: release *\\nPin-Priority: -1\\n' >/etc/apt/preferences.d/none\n",
			check:  failsTo("packages", "E: Package 'jq' has no installation candidate"),
		},
		{
			name:   "the runner is not what it should be",
			recipe: func(r *ami.Recipe) { r.Software = software(strings.Repeat("0", 64))[0] },
			check:  failsTo("runner", "download runner: its SHA-256 is "+parts.smallSum),
		},
		{
			name: "the proof fails", recipe: setup("rm /usr/libexec/docker/cli-plugins/docker-compose\n"),
			check: failsTo("prove", "docker compose version: exit "),
		},
		{
			name:   "a buildx too old for compose",
			recipe: setup("sed -i 's/v0.17.1/v0.12.1/' /usr/libexec/docker/cli-plugins/docker-buildx\n"),
			check:  failsTo("prove", "docker compose up: compose build requires buildx 0.17 or later"),
		},
		{
			name: "docker runs no container", recipe: setup("printf '#!/bin/sh\\nexit 1\\n' >/usr/bin/runc\n"),
			check: failsTo("prove", "docker run: no container runs"),
		},
		{
			name:   "no GPU in containers",
			recipe: func(r *ami.Recipe) { r.Architecture, r.SetupScript = "cuda", "touch /etc/no-gpu-in-containers\n" },
			before: ubuntu,
			check: func(t *testing.T, i *instance) {
				i.reboots()
				failsTo("prove", "docker run --gpus all: the container does not run")(t, i)
			},
		},
	} {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			i := b.boot(t)
			b.check(t, i)
			i.keepsVerdict(t)
		})
	}
}

// TestBakeCUDA: with a reboot, which the driver needs; the setup script runs after it.
func TestBakeCUDA(t *testing.T) {
	t.Parallel()
	i := bake{before: ubuntu,
		recipe: func(r *ami.Recipe) {
			r.Architecture, r.SetupScript = "cuda", "nvidia-smi -L >/usr/share/setup-saw\n"
		}}.boot(t)
	i.reboots()
	bakes(t, i)
	const want = "GPU 0: Tesla T4 (UUID: GPU-b0071e57-0000-0000-0000-000000000000)\nlinux-aws " +
		"linux-modules-nvidia-580-open-aws nvidia-driver-580-open"
	if got := i.sh("cat /usr/share/setup-saw; apt-mark showhold | sort | xargs"); got != want {
		t.Errorf("got %q", got)
	}
	i.keepsVerdict(t)
}

// TestBake: from a stock machine to an image, and from the image to runners.
func TestBake(t *testing.T) {
	t.Parallel()
	began := time.Now()
	i := bake{
		recipe: func(r *ami.Recipe) {
			r.SetupScript = "apt-get install -y egr-sample || true\r\necho \"$HOME $(id -un)\" " +
				">/usr/share/setup-was-here\r\n" + ask + " >/usr/share/setup-asked\r\nexit 0\r\n"
			r.CACertificates = parts.authority
		},
		// No network for a while, and only the user's own CA to trust.
		plan: func(p *plan.Plan) { p.Silent = time.Hour },
		args: withNode(t),
		before: "[ -e /etc/ssl/emptied ] || { sed -i '/BEGIN/,$d' /etc/ssl/certs/ca-certificates.crt; touch " +
			"/etc/ssl/emptied; }\n",
	}.boot(t)
	i.waitConsole("no success yet, it is tried again")
	must(t, os.WriteFile(filepath.Join(i.dir, "in", "network"), nil, 0o600))
	bakes(t, i)
	if got := i.sh("cat /usr/share/setup-asked"); got != "404" {
		t.Errorf("a JavaScript program in setup-script gets %q", got)
	}
	t.Logf("baked in %.0f s: %s", time.Since(began).Seconds(), i.phases())
	i.keepsVerdict(t)
	image := i.image(t)
	t.Run("carries nothing", func(t *testing.T) { carriesNothing(t, image, i.id) })
	for _, s := range fromImage(t, image) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			n := s.boot(t)
			s.check(t, n)
			n.keepsPromise(t, s.jit)
			t.Logf("%s: %s", s.name, n.phases())
		})
	}
	t.Run("user data of somebody else's", func(t *testing.T) {
		t.Parallel()
		theirs := machulav(slices.Concat(rivalIn("/opt/actions-runner"), rivalJIT)...)
		n := boot(t,
			launch{image: image, source: "Ec2", userData: []byte(theirs), plan: ordinary(), before: anew,
				foreign: true})
		comesOnline(t, n)
		if got := n.sh("ls -d /run/ec2-github-runner* 2>/dev/null || systemctl is-active docker"); got != "active" {
			t.Errorf("of ours there is %s", got)
		}
		n.keepsPromise(t, true)
	})
}

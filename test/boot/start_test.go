//go:build boottest

package boot

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// brokenNode is a runner whose node needs a newer C library than the machine has, as on Amazon Linux 2.
const brokenNode = `mkdir -p /opt/runner/externals/node24/bin; cd /opt/runner/externals/node24/bin
printf '#!/bin/sh\necho "node: version GLIBC_2.28 not found" >&2; exit 1\n' >node; chmod 755 node; cd /
`

// saysNodeIsBroken checks the job's output, and that the console has a warning.
func saysNodeIsBroken(want string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		says(want)(t, i)
		const warning = "warning: the runner's own node does not run, so no JavaScript action does: "
		if !strings.Contains(i.console(), warning) {
			t.Errorf("the console does not say so:\n%s", i.console())
		}
	}
}

// TestStart: each way to start in the contract.
func TestStart(t *testing.T) {
	runAll(t, []scenario{
		{name: "by token", check: func(t *testing.T, i *instance) {
			if got := i.wait("registered", soon).Detail; got != "ec2-k3x9a k3x9a" {
				t.Errorf("registered %q", got)
			}
			comesOnline(t, i)
			i.waitConsole("ec2-github-runner: the runner is online (")
			if got := i.sh("head -c 20 /tmp/runner-setup.log; ls -A /actions-runner | grep ec2-github " +
				"|| :"); got != "ec2-github-runner: d" {
				t.Errorf("the log begins %q", got)
			}
		}},
		{
			name: "in a runner group, with more labels",
			spec: func(s *bootstrap.Spec) { s.Group, s.Labels = "a group's name", []string{"k3x9a", "gpu $(x)"} },
			check: func(t *testing.T, i *instance) {
				if got := i.wait("registered", soon).Detail; got != "ec2-k3x9a k3x9a,gpu $(x) a group's name" {
					t.Errorf("registered %q", got)
				}
			},
		},
		{
			name: "preinstalled with stale files", image: parts.preinstalled,
			spec:   func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" },
			before: "cd /opt/runner; echo stale | tee .runner .credentials .credentials_rsaparams; cd /",
			plan:   job("pwd"), check: says("/opt/runner/_work"),
		},
		{
			name: "preinstalled, by JIT", image: parts.preinstalled, jit: true,
			spec: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" },
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				if e, ok := i.find("download begins"); ok {
					t.Errorf("it downloads although the runner is there: %+v", e)
				}
			},
		},
		{
			name: "the runner's own node cannot execute", image: parts.preinstalled, before: brokenNode,
			spec: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" },
			plan: job("pwd"), check: saysNodeIsBroken("/opt/runner/_work"),
		},
		{
			name: "the runner's own node cannot execute, with a user, a script and packages", image: parts.preinstalled,
			before: brokenNode, plan: job(sayAllThree), check: saysNodeIsBroken(arrivedThree),
			spec: func(s *bootstrap.Spec) {
				allThree(s)
				s.HomeDir = "/opt/runner"
			},
		},
		{
			name: "the runner's own node says so late, by JIT", image: parts.preinstalled, jit: true,
			spec: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" },
			before: "mkdir -p /opt/runner/externals/node24/bin; cd /opt/runner/externals/node24/bin\n" +
				"printf '#!/bin/sh\\nsleep 5; echo \"node: version GLIBC_2.28 not found\" >&2; exit 1\\n' >node; " +
				"chmod 755 node; cd /",
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.waitConsole("warning: the runner's own node does not run, so no JavaScript action does: ")
				// If the kernel accounts memory by cgroup v1, as on some test hosts, systemd would notice nothing.
				if got := i.sh("systemctl show -P OOMPolicy ec2-github-runner-fetch"); got != "continue" {
					t.Errorf("when it is out of memory the policy is %q", got)
				}
			},
		},
		{
			name: "an /actions-runner that is whole is used", image: parts.whole,
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				if e, ok := i.find("download begins"); ok {
					t.Errorf("it downloads although the runner is there: %+v", e)
				}
			},
		},
		{
			name: "an /actions-runner that is not whole is replaced", image: parts.whole,
			before: "rm /actions-runner/bin/Runner.Worker",
			plan:   job("pwd"), check: says("/actions-runner/_work"),
		},
		{
			name: "an image of ours needs no directory", image: parts.ours,
			before: "touch /opt/actions-runner/.ec2-github-runner", plan: job("pwd"),
			check: says("/opt/actions-runner/_work"),
		},
		{
			name: "exports, functions and the directory of the script reach the job",
			spec: func(s *bootstrap.Spec) {
				s.PreRunnerScript = "#!/bin/bash\r\nexport A='x y'\r\nf() { echo \"f $1\"; }\r\nexport -f f\r\n" +
					"declare -x B=2\r\nexport PATH=$PATH:/more\r\nmkdir -p /srv/runner && cd /srv/runner\r\n"
			},
			plan: job(`echo "$A $B"; f 1; pwd; [[ $PATH == *:/more ]] && echo more; id debian >/dev/null && echo ` +
				`late`),
			check: says("x y 2\nf 1\n/srv/runner/_work\nmore\nlate"),
		},
		{
			name: "script with a preinstalled runner, as a user", image: parts.preinstalled,
			spec: func(s *bootstrap.Spec) {
				s.HomeDir, s.User, s.PreRunnerScript = "/opt/runner", "debian", "export W=$(id -un)\ncd /tmp\n"
			},
			plan: job(`echo "$W $(id -un)"; pwd`), check: says("root debian\n/opt/runner/_work"),
		},
		{
			name: "script and package arrive byte for byte",
			spec: func(s *bootstrap.Spec) { s.PreRunnerScript, s.Packages = wildScript, []string{"egr-sample"} },
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				want := base64.StdEncoding.EncodeToString([]byte(wildScript))
				if got := i.sh("base64 -w 0 /run/ec2-github-runner/pre-runner-script.sh"); got != want {
					t.Error("the script differs")
				}
				if got := i.sh("cat /usr/share/egr-sample/file"); got != "arrived" {
					t.Errorf("the package's file says %q", got)
				}
			},
		},
		{
			name: "the newest, asked of GitHub's API", spec: func(s *bootstrap.Spec) { s.Software = nil },
			check: comesOnline,
		},
		{
			name: "the newest, when the API is exhausted", spec: func(s *bootstrap.Spec) { s.Software = nil },
			plan: func(p *plan.Plan) { p.APIStatus = 403 }, check: comesOnline,
		},
		{
			name: "a name by the launch index, from the metadata service", source: "Ec2",
			spec: func(s *bootstrap.Spec) { s.NameByIndex = true },
			check: func(t *testing.T, i *instance) {
				if got := i.wait("registered", soon).Detail; got != "ec2-k3x9a-3 k3x9a" {
					t.Errorf("registered %q", got)
				}
			},
		},
		{
			name:   "an authority of the user's own",
			spec:   func(s *bootstrap.Spec) { s.CACertificates = parts.authority },
			before: "sed -i '/BEGIN/,$d' /etc/ssl/certs/ca-certificates.crt",
			check:  comesOnline,
		},
		{
			name:  "debug puts the log on the console",
			spec:  func(s *bootstrap.Spec) { s.Debug, s.PreRunnerScript = true, "echo from the script\n" },
			check: func(_ *testing.T, i *instance) { i.waitConsole("ec2-github-runner: | from the script") },
		},
		{
			name: "secrets are gone once they are used",
			plan: job("ps axe -ww; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; grep -r . /tmp 2>/dev/null; ls " +
				"/run/ec2-github-runner/secrets 2>&1 || :"),
			check: func(t *testing.T, i *instance) {
				out := i.wait("job a succeeded", soon).Detail
				if strings.Contains(out, plan.Token) || !strings.Contains(out, "No such file") {
					t.Error("the job finds the token")
				}
				if got := i.sh("stat -c %a /run/ec2-github-runner; grep -rlI " + plan.Token +
					" /run /tmp /etc /actions-runner /root || :"); got != "700" {
					t.Errorf("got %q", got)
				}
			},
		},
		{
			name: "secrets of JIT are gone once they are used", jit: true,
			plan: job("cat /proc/*/cmdline | tr '\\0' '\\n'; ls /run/ec2-github-runner/secrets 2>&1 || :"),
			check: func(t *testing.T, i *instance) {
				out := i.wait("job a succeeded", soon).Detail
				if strings.Contains(out, jit[:80]) || !strings.Contains(out, "No such file") {
					t.Error("the job finds the configuration")
				}
			},
		},
	})
}

// wildScript returns before its wild part, which must arrive nevertheless.
var wildScript = "export A=1\nreturn 0\n" + strings.Repeat("echo 'line' \"$(date)\" `x` # äöü € 日本\n", 280) +
	"\x01\x02\x1b[31m\x7f\t  - {yaml: [1]}\n%TAG\n---\nMIME-Version: 1.0\nContent-Type: multipart/mixed\nexit\n# end " +
	"of values\n\xff\xfe no letters\n\n\n"

// TestTheLongestScript: a script that fits machulav's user data fits ours, however badly it compresses, and runs.
func TestTheLongestScript(t *testing.T) {
	t.Parallel()
	s := byToken()
	s.PreRunnerScript = "export LONG=1\n: '" + noise(14000) + "'\n"
	p := ordinary()
	job("echo $LONG")(&p)
	i := boot(t, launch{image: parts.bookworm, userData: userData(t, s), plan: p})
	says("1")(t, i)
	i.keepsPromise(t, false)
}

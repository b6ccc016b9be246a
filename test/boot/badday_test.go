//go:build boottest

package boot

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// fails checks that the machine reports the reasons on its console and switches itself off.
func fails(why ...string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		i.waitOff(2 * soon)
		console := i.console()
		for _, each := range why {
			if !strings.Contains(console, each) {
				t.Errorf("the console does not say %q", each)
			}
		}
		if e, ok := i.find("online"); ok {
			t.Errorf("a runner came online: %+v", e)
		}
	}
}

// noExec is cloud-init's message if it cannot run what it wrote; runner/diagnosis/causes.go matches the same.
var noExec = regexp.MustCompile(`Boothooks script \S+ execution error|Permission denied: b?'?/var/lib/cloud/`)

func script(text string) func(*bootstrap.Spec) {
	return func(s *bootstrap.Spec) { s.PreRunnerScript = text }
}

// TestBadScripts: failures that a user's script can cause.
func TestBadScripts(t *testing.T) {
	runAll(t, []scenario{
		{
			name: "script fails", spec: script("echo before\n\n\nls /nowhere\necho after\n"),
			check: fails("ec2-github-runner: error: pre-runner-script failed with exit 2 at line 4: ls /nowhere (",
				"ec2-github-runner: | ls: cannot access '/nowhere'",
				"ec2-github-runner: powering off: pre-runner-script failed"),
		},
		{
			name: "script exits", spec: script("f() {\n  exit 3\n}\nf\n"),
			check: fails("error: pre-runner-script failed with exit 3 at line 2: exit 3 ("),
		},
		{
			name: "script exits with 0", spec: script("export A=1\nexit 0\n"), plan: job("echo $A"), check: says("1"),
		},
		{
			name: "script does not parse", spec: script("echo a\nif then\n"),
			check: fails("error: pre-runner-script failed with exit 2", "syntax error near unexpected token"),
		},
		{
			name: "script hangs", spec: func(s *bootstrap.Spec) {
				s.PreRunnerScript, s.RegistrationTimeout = "echo waiting\nsleep 1000\n", 40*time.Second
			},
			check: fails("error: no runner is online after 4", "the last that happened: running pre-runner-script (",
				"| waiting"),
		},
		{name: "script changes directory", spec: script("cd /tmp\n"), plan: job("pwd"), check: says("/tmp/_work")},
		{
			name: "script prints binary",
			spec: script("head -c 100000 /dev/urandom\nprintf '\\033[2J\\001\\n'\nfalse\n"),
			check: func(t *testing.T, i *instance) {
				fails("error: pre-runner-script failed with exit 1 at line 3: false (")(t, i)
				for _, line := range strings.Split(i.console(), "\n") {
					if strings.HasPrefix(line, "ec2-github-runner: ") && strings.ContainsFunc(line,
						func(r rune) bool { return r < ' ' || r > '~' }) {
						t.Errorf("a line of ours holds control characters: %q", line)
					}
				}
			},
		},
		{
			name: "script turns everything on its head",
			spec: script("set -euxo pipefail\nIFS=:\nset -f\nshopt -s nullglob\nalias ls=false\nunset HOME\ntrap " +
				"'echo mine' ERR\nexport PATH=$PATH\numask 077\n"),
			plan: job("echo ok"), check: says("ok"),
		},
		{
			name: "script reboots the machine",
			spec: script("if [ ! -e /rebooted ]; then touch /rebooted; systemctl reboot; sleep 100; fi\nexport A=2\n"),
			plan: job("echo $A"),
			check: func(t *testing.T, i *instance) {
				i.again()
				says("2")(t, i)
			},
		},
		{
			name: "a failed machine is kept for inspection",
			spec: func(s *bootstrap.Spec) { s.PreRunnerScript, s.KeepFailed = "false\n", 8*time.Second },
			check: func(t *testing.T, i *instance) {
				i.waitConsole("error: pre-runner-script failed")
				i.stays(4 * time.Second)
				i.waitOff(soon)
			},
		},
	})
}

// TestBadMachines: failures of the machine.
func TestBadMachines(t *testing.T) {
	sample := func(more ...string) func(*bootstrap.Spec) {
		return func(s *bootstrap.Spec) { s.Packages = append(more, "egr-sample") }
	}
	arrived := func(t *testing.T, i *instance) {
		t.Helper()
		comesOnline(t, i)
		if got := i.sh("cat /usr/share/egr-sample/file"); got != "arrived" {
			t.Errorf("the package's file says %q", got)
		}
	}
	waitsForNoDocker := func(t *testing.T, i *instance) {
		t.Helper()
		comesOnline(t, i)
		if got := i.sh("grep -i 'docker' /tmp/runner-setup.log || :"); got != "" {
			t.Errorf("the log says %q", got)
		}
	}
	noExecVar := []string{"--tmpfs", "/var/lib/cloud:noexec"}
	runsNothing := func(t *testing.T, i *instance) {
		t.Helper()
		i.poll("cloud-init's words", soon, time.Second, func() bool { return noExec.MatchString(i.console()) })
		if console := i.console(); strings.Contains(console, bootstrap.ConsolePrefix) {
			t.Error("a script of ours ran")
		}
		i.sh("systemctl --no-block poweroff")
		i.waitOff(soon)
	}
	const docker = "printf '' >/usr/bin/dockerd; chmod +x /usr/bin/dockerd; getent group docker >/dev/null || " +
		"groupadd docker\nprintf '[Service]\\nExecStart=/boottest/machine docker " +
		"%s\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/docker.service\nln -sf " +
		"/etc/systemd/system/docker.service /etc/systemd/system/multi-user.target.wants/docker.service\n"
	runAll(t, []scenario{
		{
			name: "a package that does not exist", spec: sample("egr-nowhere"), check: func(t *testing.T, i *instance) {
				arrived(t, i)
				i.waitConsole("warning: package egr-nowhere is not installed")
			},
		},
		{name: "a package that is an option", spec: sample("--download-only"), check: arrived},
		{
			name: "apt is locked", spec: sample(), check: arrived,
			before: "mkdir -p /var/lib/dpkg /var/lib/apt/lists; for f in /var/lib/dpkg/lock-frontend " +
				"/var/lib/apt/lists/lock; do setsid /boottest/machine lock $f 9s </dev/null >/dev/null 2>&1 & " +
				"done; sleep 0.2\n",
		},
		{
			name: "a full disk", args: []string{"--tmpfs", "/actions-runner:size=2m"},
			check: fails("error: download runner: tar: ", "No space left on device ("),
		},
		// No script of ours runs there: the start reads cloud-init's own messages.
		{name: "/var is mounted noexec", args: noExecVar, check: runsNothing},
		{
			name: "/var is mounted noexec, with a user, a script and packages", args: noExecVar, spec: allThree,
			check: runsNothing,
		},
		{name: "no docker", plan: job("ls /run/docker.sock 2>/dev/null || echo none"), check: says("none")},
		{
			name: "docker comes late", before: strings.Replace(docker, "%s", "20s", 1),
			spec:  func(s *bootstrap.Spec) { s.User = "debian" },
			plan:  job("[ -S /run/docker.sock ] && [ -w /run/docker.sock ] && id -nG | tr ' ' '\n' | grep docker"),
			check: says("docker"),
		},
		{
			name: "docker is installed and off",
			before: strings.Replace(docker, "%s", "1s", 1) +
				"rm /etc/systemd/system/multi-user.target.wants/docker.service\n",
			check: waitsForNoDocker,
		},
		{
			name:   "docker is masked",
			before: strings.Replace(docker, "%s", "1s", 1) + "ln -sf /dev/null /etc/systemd/system/docker.service\n",
			check:  waitsForNoDocker,
		},
		{
			name: "a user that does not exist", spec: func(s *bootstrap.Spec) { s.User = "nobody-here" },
			check: fails("error: run-runner-as-user: there is no user nobody-here on this machine"),
		},
		{
			name: "/tmp is cleaned", plan: func(p *plan.Plan) {
				p.Jobs = []plan.Job{{Name: "a", Script: "echo works", After: 4 * time.Second}}
			},
			check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				i.sh("rm -rf /tmp/*; systemd-tmpfiles --clean --remove")
				says("works")(t, i)
			},
		},
		{
			name: "an unknown architecture",
			before: "printf '#!/bin/sh\\n[ \"$1\" = -m ] && echo riscv64 || exec /bin/uname \"$@\"\\n' " +
				">/usr/local/bin/uname; chmod +x /usr/local/bin/uname\n",
			check: fails("error: there is no runner for the architecture riscv64"),
		},
		{
			name: "a token that GitHub does not take", spec: func(s *bootstrap.Spec) { s.Token = "EXPIRED" },
			check: fails("error: config.sh did not register ec2-k3x9a", "| register: http status 401"),
		},
		{
			name: "a JIT configuration that GitHub does not know", jit: true,
			spec: func(s *bootstrap.Spec) { s.JITConfig = jitFor("13") },
			check: fails("error: the runner ended with exit 0 before it was online",
				"| The runner no longer exists on the server."),
		},
		{
			name: "GitHub opens no session", jit: true, plan: func(p *plan.Plan) { p.SessionStatus = 503 },
			spec:  func(s *bootstrap.Spec) { s.RegistrationTimeout = 60 * time.Second },
			check: fails("error: no runner is online after 6", "the last that happened: starting runner"),
		},
	})
}

// TestBadDownloads: failures of the runner's download.
func TestBadDownloads(t *testing.T) {
	cut := func(at ...int64) func(*plan.Plan) { return func(p *plan.Plan) { p.Cut = at } }
	newestBeside := func(t *testing.T, i *instance) {
		t.Helper()
		if got := i.wait("online", soon).Detail; got != newest+" /opt/runner-"+newest {
			t.Errorf("online is %q", got)
		}
		i.waitConsole("warning: runner " + outdated + " in /opt/runner is too old: bake the image again")
		if got := i.sh("cat /opt/runner/bin/version; cat /opt/runner-" + newest + "/.path"); got != outdated+
			"\n/image" {
			t.Errorf("the old one and its .path: %q", got)
		}
	}
	home := func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }
	runAll(t, []scenario{
		{
			name: "no network for the first 10 s", plan: func(p *plan.Plan) { p.Silent = 10 * time.Second },
			check: comesOnline,
		},
		{
			name: "no outbound internet access", plan: func(p *plan.Plan) { p.Silent = time.Hour },
			spec: func(s *bootstrap.Spec) { s.RegistrationTimeout = 40 * time.Second },
			check: fails("error: no runner is online after 4",
				"the last that happened: downloading runner "+newest+": curl: (7) "),
		},
		{
			name: "no DNS", before: "grep -v github /etc/hosts >/tmp/hosts; cat /tmp/hosts >/etc/hosts\n",
			spec: func(s *bootstrap.Spec) { s.RegistrationTimeout = 40 * time.Second },
			check: fails("error: no runner is online after 4",
				"the last that happened: downloading runner "+newest+": curl: (6) Could not resolve host: github.com"),
		},
		{
			name: "no network for the first 10 s, and nobody said which runner",
			spec: func(s *bootstrap.Spec) { s.Software = nil },
			plan: func(p *plan.Plan) { p.Silent = 10 * time.Second }, check: comesOnline,
		},
		{
			name: "cut in the middle, twice", plan: cut(1<<20, 2<<20), check: func(t *testing.T, i *instance) {
				comesOnline(t, i)
				var ranges []string
				for _, e := range i.events() {
					if e.What == "download begins" {
						ranges = append(ranges, e.Detail)
					}
				}
				if len(ranges) != 3 || !strings.HasPrefix(ranges[1], "bytes=") || ranges[1] == "bytes=0-" ||
					ranges[2] <= ranges[1] {
					t.Errorf("it asked for %q", ranges)
				}
			},
		},
		{
			name: "cut in the middle, and the server knows no ranges",
			plan: func(p *plan.Plan) { p.Cut, p.NoRange = []int64{1 << 20}, true }, check: comesOnline,
		},
		{
			name: "a wrong checksum", spec: func(s *bootstrap.Spec) { s.Software = software(strings.Repeat("0", 64)) },
			check: func(t *testing.T, i *instance) {
				fails("error: download runner: its SHA-256 is "+parts.smallSum+" and should be 0000")(t, i)
			},
		},
		{
			name: "a 404", plan: func(p *plan.Plan) { p.Status = 404 },
			check: fails("error: download runner: GET https://github.com/actions/runner/releases/download/v"+newest+"/",
				"HTTP 404"),
		},
		{
			name: "a 404, with a user, a script and packages", plan: func(p *plan.Plan) { p.Status = 404 },
			spec: allThree,
			check: fails("error: download runner: GET https://github.com/actions/runner/releases/download/v"+newest+"/",
				"HTTP 404"),
		},
		{
			name: "cut in the middle, with a user, a script and packages", spec: allThree,
			plan: func(p *plan.Plan) { cut(1 << 20)(p); job(sayAllThree)(p) }, check: says(arrivedThree),
		},
		{
			name: "a 503 at first", plan: func(p *plan.Plan) { p.Status, p.StatusTimes = 503, 3 }, check: comesOnline,
		},
		{
			name: "at 1 MB a second", plan: func(p *plan.Plan) { p.Rate = 1 << 20 }, check: comesOnline,
		},
		{
			name: "a preinstalled runner that GitHub refuses", image: parts.old, spec: home,
			before: "echo /image >/opt/runner/.path; rm -rf /opt/runner-*\n",
			plan:   func(p *plan.Plan) { p.Least = bootstrap.MinimumVersion }, check: func(t *testing.T, i *instance) {
				i.wait("online", soon)
				i.waitConsole("warning: runner " + outdated)
			},
		},
		{
			name: "a preinstalled runner that GitHub refuses, by JIT and as a user", image: parts.old, jit: true,
			before: "echo /image >/opt/runner/.path\n",
			spec:   func(s *bootstrap.Spec) { s.HomeDir, s.User = "/opt/runner", "debian" },
			plan:   func(p *plan.Plan) { p.Least = bootstrap.MinimumVersion }, check: newestBeside,
		},
		{
			name: "a preinstalled runner that GitHub refuses only when it connects", image: parts.preinstalled,
			spec: func(s *bootstrap.Spec) { s.HomeDir, s.Software = "/opt/runner", nil },
			plan: func(p *plan.Plan) { p.Least, p.Version, p.Tarball = newer, newer, parts.next },
			check: func(t *testing.T, i *instance) {
				i.waitConsole("warning: runner " + newest + " in /opt/runner is too old: bake the image again")
				if got := i.wait("online", soon).Detail; got != newer+" /opt/runner-"+newer {
					t.Errorf("online is %q", got)
				}
			},
		},
		{
			name:  "a runner whose registration was moved, and that GitHub refuses only when it connects",
			image: parts.preinstalled,
			spec:  func(s *bootstrap.Spec) { s.HomeDir, s.Software = "/opt/runner", nil },
			// The runner writes these files when GitHub tells it to. (actions/runner, RunnerConfigUpdater.cs)
			before: "echo 'cp .runner .runner_migrated; cp .credentials .credentials_migrated' " +
				">>/opt/runner/config.sh\n",
			plan: func(p *plan.Plan) { p.Least, p.Version, p.Tarball = newer, newer, parts.next },
			check: func(t *testing.T, i *instance) {
				i.wait("online", soon)
				got := i.sh("cd /opt/runner-" + newer + " && ls -d .*_migrated | xargs")
				if got != ".credentials_migrated .runner_migrated" {
					t.Errorf("beside the old one there is %q", got)
				}
			},
		},
		{
			name: "a preinstalled runner that is refused, and no other to be had", image: parts.old, spec: home,
			plan: func(p *plan.Plan) { p.Status = 404 },
			check: func(t *testing.T, i *instance) {
				if got := i.wait("online", soon).Detail; got != outdated+" /opt/runner" {
					t.Errorf("online is %q", got)
				}
				i.waitConsole("warning: no newer runner found")
			},
		},
	})
}

//go:build boottest

package boot

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// osRelease turns the machine into another distribution with a real dnf (4.14) and rpm and, like Fedora, an apt-get
// that is not in use. Its ldconfig finds libicu once that is installed, as on a stock machine.
func osRelease(lines string) string {
	return "[ -e /libicu-hidden ] || {\ntouch /libicu-hidden; rm -f /etc/os-release /etc/apt/sources.list; printf '" +
		lines + `' >/etc/os-release
mkdir -p /etc/rpm; echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros; mkdir -p /etc/yum.repos.d
printf '[amazonlinux]\nname=Amazon Linux\nbaseurl=https://cdn.amazonlinux.com/al2023\ngpgcheck=0\n' ` +
		`>/etc/yum.repos.d/amazonlinux.repo
printf '#!/bin/sh\n[ ! -e /usr/share/libicu/file ] || echo libicuuc\n' >/usr/local/bin/ldconfig; chmod +x ` +
		`/usr/local/bin/ldconfig
}
`
}

var (
	amazonLinux = osRelease(`NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nID_LIKE="fedora"\n` +
		`VERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023"\n`)
	fedora = osRelease(`NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42 (Cloud ` +
		`Edition)"\n`)
	centos = osRelease(`NAME="CentOS Stream"\nID="centos"\nID_LIKE="rhel ` +
		`fedora"\nVERSION_ID="9"\nPRETTY_NAME="CentOS ` +
		`Stream 9"\n`)
	redHat = osRelease(`NAME="Red Hat Enterprise ` +
		`Linux"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\nPRETTY_NAME="Red Hat Enterprise Linux 9.4 (Plow)"\n`)
)

// holding holds a lock from before the boot script starts until it is released, like an agent that updates itself.
func holding(file string) string {
	return "mkdir -p $(dirname " + file + "); setsid /boottest/machine lock " + file +
		" 1h </dev/null >/dev/null 2>&1 & echo $! >/holder; sleep 0.2\n"
}

// release releases the lock once the machine has logged that it waits.
func release(says string, then func(*testing.T, *instance)) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		i.waitConsole("ec2-github-runner: installing again: " + says)
		if e, ok := i.find("online"); ok {
			t.Errorf("it did not wait for the lock: %+v", e)
		}
		i.sh("kill $(cat /holder)")
		then(t, i)
	}
}

const (
	rpmLocked = "RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock"
	aptLocked = "E: Could not get lock /var/lib/dpkg/lock-frontend"
)

// dnf is a machine with a real dnf; has checks what is installed on it in the end.
func dnf(name, system string, s scenario) scenario {
	s.name, s.image, s.before = name, parts.dnf, system+s.before
	return s
}

// secondsBetween returns the time between the first lines with two prefixes, by the lines' own times.
func (i *instance) secondsBetween(first, other string) float64 {
	i.t.Helper()
	at := func(begins string) (s float64) {
		m := regexp.MustCompile(regexp.QuoteMeta("ec2-github-runner: "+begins) +
			`.*\(([0-9.]+) s\)`).FindStringSubmatch(i.console())
		if m == nil {
			i.t.Fatalf("the console does not say %q", begins)
		}
		s, err := strconv.ParseFloat(m[1], 64)
		must(i.t, err)
		return s
	}
	return at(other) - at(first)
}

func has(files ...string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		comesOnline(t, i)
		for _, file := range files {
			if got := i.sh("cat " + file + " || :"); got != "arrived" {
				t.Errorf("%s says %q", file, got)
			}
		}
	}
}

// TestPackages: what package managers do while a machine boots.
func TestPackages(t *testing.T) {
	const sample, libicu = "/usr/share/egr-sample/file", "/usr/share/libicu/file"
	wants := func(names ...string) func(*bootstrap.Spec) {
		return func(s *bootstrap.Spec) { s.Packages = names }
	}
	hasAll := func(t *testing.T, i *instance) {
		t.Helper()
		has(libicu, sample)(t, i)
		says(arrivedThree)(t, i)
	}
	tellAll := job(sayAllThree)
	all := []scenario{
		dnf("dnf, with a held rpm lock, before a JIT runner", amazonLinux,
			scenario{jit: true, before: holding("/var/lib/rpm/.rpm.lock"), check: release(rpmLocked, has(libicu))}),
		dnf("dnf, with a held rpm lock, with packages, a script and a user", amazonLinux, scenario{
			before: holding("/var/lib/rpm/.rpm.lock"), spec: allThree, plan: tellAll, check: release(rpmLocked, hasAll),
		}),
		dnf("dnf, with a lock that is never released", amazonLinux, scenario{
			before: "mkdir -p /usr/share/libicu; echo arrived >/usr/share/libicu/file\n" +
				holding("/var/lib/rpm/.rpm.lock"),
			spec: wants("egr-sample"),
			check: func(t *testing.T, i *instance) {
				i.wait("online", 2*soon)
				i.waitConsole("warning: package egr-sample is not installed: " + rpmLocked)
				if n := strings.Count(i.console(), "installing again: "); n < 5 || n > 24 {
					t.Errorf("it tried %d times more", n)
				}
				if s := i.secondsBetween("installing again: ", "warning: package egr-sample"); s < 110 || s > 150 {
					t.Errorf("it tried for %.0f s", s)
				}
			},
		}),
		dnf("dnf, a package that does not exist", amazonLinux, scenario{spec: wants("egr-nowhere", "egr-sample"),
			check: func(t *testing.T, i *instance) {
				has(sample)(t, i)
				i.waitConsole("warning: package egr-nowhere is not installed: No match for argument: egr-nowhere (")
				if strings.Contains(i.console(), "installing again") {
					t.Error("it tried again to install what does not exist")
				}
			}}),
		dnf("dnf that says Complete without a package that does not exist", amazonLinux, scenario{
			before: "printf '[main]\\nstrict=False\\nskip_broken=True\\n' >/etc/dnf/dnf.conf\n",
			spec:   wants("egr-nowhere", "egr-sample"),
			check: func(t *testing.T, i *instance) {
				has(sample)(t, i)
				i.waitConsole("warning: package egr-nowhere is not installed: No match for argument: egr-nowhere (")
			},
		}),
		dnf("dnf on a machine with too little memory", amazonLinux, scenario{
			kills: true, args: []string{"--memory", "700m", "--memory-swap", "700m"},
			before: "printf '#!/bin/bash\\nexec -a dnf tail /dev/zero\\n' >/usr/local/bin/dnf; chmod +x " +
				"/usr/local/bin/dnf\n",
			check: func(t *testing.T, i *instance) {
				i.waitConsole("installing again: error: dnf was killed: too little memory (")
				i.sh("ln -sf /usr/bin/dnf /usr/local/bin/dnf")
				has(libicu)(t, i)
			},
		}),
		// As dnf itself does it (dnf/lock.py): by a file with the number of a process. systemd-tmpfiles removes it at
		// boot.
		dnf("dnf, while another dnf is at work", amazonLinux, scenario{
			jit: true, check: release("metadata already locked by ", has(libicu)),
			before: "mkdir -p /var/cache/dnf; setsid bash -c 'cd /var/cache/dnf; while sleep 0.1; do [ -s " +
				"metadata_lock.pid ] || echo $$ >metadata_lock.pid; done' </dev/null >/dev/null 2>&1 & echo $! " +
				">/holder\n",
		}),
		dnf("dnf, for libicu with a held rpm lock, beside the longest script", amazonLinux, scenario{
			before: holding("/var/lib/rpm/.rpm.lock"), spec: script("export LONG=1\n: '" + noise(15100) + "'\n"),
			plan: job("echo $LONG"),
			check: func(t *testing.T, i *instance) {
				i.poll("a try", soon, time.Second, func() bool {
					return i.sh("grep -c \"can't create transaction lock\" /tmp/runner-setup.log || :") != "0"
				})
				if strings.Contains(i.console(), "installing libicu") {
					t.Error("the script leaves room for more than the least")
				}
				i.sh("kill $(cat /holder)")
				has(libicu)(t, i)
				says("1")(t, i)
			},
		}),
		dnf("dnf, without a network for the first 10 s", amazonLinux, scenario{
			jit: true, plan: func(p *plan.Plan) { p.Silent = 10 * time.Second }, spec: wants("egr-sample"),
			check: has(libicu, sample),
		}),
		{
			name: "apt, with a held lock", spec: wants("egr-sample"), before: holding("/var/lib/dpkg/lock-frontend"),
			check: release("dpkg: error: dpkg frontend lock was locked by another process", has(sample)),
		},
		{
			name: "apt, with held lists", spec: wants("egr-sample"), before: holding("/var/lib/apt/lists/lock"),
			check: release("E: Could not get lock /var/lib/apt/lists/lock", has(sample)),
		},
		{
			name: "apt, a package that does not exist", spec: wants("egr-nowhere", "egr-sample"),
			check: func(t *testing.T,
				i *instance) {
				has(sample)(t, i)
				i.waitConsole("warning: package egr-nowhere is not installed: E: Unable to locate package " +
					"egr-nowhere (")
			},
		},
		{
			// What the runner's own script does with apt: lists, then libraries, and its own message when that fails.
			// https://github.com/actions/runner/blob/main/src/Misc/layoutbin/installdependencies.sh
			name: "apt, with a held lock, in the runner's own script before a JIT runner", image: parts.preinstalled,
			jit:  true,
			spec: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" },
			before: "printf '#!/bin/sh\\n[ ! -e " + sample + " ] || echo libicuuc\\n' >/usr/local/bin/ldconfig; " +
				"chmod +x /usr/local/bin/ldconfig\n" +
				"printf '#!/bin/bash\\napt-get update && apt-get install -y egr-sample || { echo \"apt-get failed " +
				"with exit code $?\"; exit 1; }\\n' >/opt/runner/bin/installdependencies.sh\n" +
				holding("/var/lib/dpkg/lock-frontend"),
			check: release(aptLocked, has(sample)),
		},
	}
	for name, system := range map[string]string{"Fedora": fedora, "CentOS Stream 9": centos, "RHEL 9": redHat} {
		all = append(all, dnf(name, system, scenario{spec: allThree, plan: tellAll, check: hasAll}))
	}
	runAll(t, all)
}

//go:build boottest

package boottest

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/boottest/plan"
)

// warmed is one case of a machine that is prepared ahead: its warm-up, what may go wrong there, and the start
// that claims it. Both know the same packages, setup, authorities and user.
type warmed struct {
	name string
	// image is "" for the ordinary one.
	image string
	// both is what warm-up and claim have in common, warm the warm-up's alone.
	both, warm func(*bootstrap.Spec)
	// atWarmUp changes the world of the warm-up; cut ends it from outside, once it is there.
	atWarmUp func(*plan.Plan)
	cut      func(*testing.T, *instance)
	before   string
	// console are what the warm-up must say; by default that it is ready.
	console []string
	// claim changes the start that claims it, and jobs are its jobs.
	claim func(*bootstrap.Spec)
	job   string
	check func(*testing.T, *instance)
}

// byWarmUp is the ordinary warm-up.
func byWarmUp() bootstrap.Spec {
	return bootstrap.Spec{URL: plan.Scope, Software: software(parts.smallSum), RegistrationTimeout: 3 * time.Minute, Warm: true}
}

// warmUp is the machine's first boot, to its end.
func (w warmed) warmUp(t *testing.T) *instance {
	t.Helper()
	s, p := byWarmUp(), ordinary()
	if w.both != nil {
		w.both(&s)
	}
	if w.warm != nil {
		w.warm(&s)
	}
	if w.atWarmUp != nil {
		w.atWarmUp(&p)
	}
	image := w.image
	if image == "" {
		image = parts.bookworm
	}
	i := boot(t, launch{image: image, source: "Ec2", userData: userData(t, s), plan: p, before: w.before})
	if w.cut != nil {
		w.cut(t, i)
	}
	i.waitOff(2 * soon)
	t.Logf("%s, warm-up: %s", w.name, i.phases())
	if w.cut != nil {
		return i
	}
	console := i.console()
	want := w.console
	if want == nil {
		want = []string{bootstrap.WarmReady}
	}
	for _, each := range want {
		if !strings.Contains(console, each) {
			t.Errorf("the console does not say %q:\n%s", each, console)
		}
	}
	return i
}

// claimed is the machine's second boot, with the user data of a start.
func (w warmed) claimed(t *testing.T, i *instance) {
	t.Helper()
	s, p := byJIT(), ordinary()
	s.Ephemeral = true
	if w.both != nil {
		w.both(&s)
	}
	if w.claim != nil {
		w.claim(&s)
	}
	p.InstanceID, p.Tarball = i.id, "/boottest/cache/"+filepath.Base(p.Tarball)
	text := w.job
	if text == "" {
		text = "echo warm"
	}
	job(text)(&p)
	i.give(p, userData(t, s))
	i.on()
}

func (w warmed) run(t *testing.T) {
	i := w.warmUp(t)
	w.claimed(t, i)
	defer func() { t.Logf("%s, claimed: %s", w.name, i.phases()) }()
	w.check(t, i)
	i.waitOff(soon)
}

// never is a check: none of these happened at this boot.
func never(t *testing.T, i *instance, what ...string) {
	t.Helper()
	console := i.console()
	for _, each := range what {
		if e, ok := i.find(each); ok {
			t.Errorf("at the claimed boot: %+v", e)
		}
		if strings.Contains(console, bootstrap.ConsolePrefix+each) {
			t.Errorf("at the claimed boot the console says %q", each)
		}
	}
}

// killed ends a warm-up from outside, the moment that file is on the machine.
func killed(file string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		i.poll(file, soon, 100*time.Millisecond, func() bool {
			_, err := engine("exec", i.name, "test", "-e", file)
			return err == nil
		})
		_, err := engine("kill", i.name)
		must(t, err)
	}
}

// saysAtOnce is a check: the job says that, and the machine did nothing of this a second time.
func saysAtOnce(want string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		says(want)(t, i)
		never(t, i, "download", "installing", "running setup-script")
	}
}

func setup(text string) func(*bootstrap.Spec) {
	return func(s *bootstrap.Spec) { s.SetupScript = text }
}

// everything is what a warm-up can do, and everyJob looks at all of it.
func everything(s *bootstrap.Spec) {
	s.Packages, s.CACertificates, s.User = []string{"egr-sample"}, parts.authority, "debian"
	s.SetupScript = "export HERE=no\necho run >>/setups\nid debian >/dev/null\ncat /usr/share/egr-sample/file >/tools\n"
}

const (
	untrusting = "[ -e /untrusting ] || sed -i '/BEGIN/,$d' /etc/ssl/certs/ca-certificates.crt; touch /untrusting\n"
	everyJob   = "id -un; stat -c %U ..; cat /tools; wc -l </setups; echo ${HERE-unset}; cmp /usr/local/share/ca-certificates/ec2-github-runner.crt /etc/ssl/certs/ec2-github-runner.pem && echo trusted"
	everyWord  = "debian\ndebian\narrived\n1\nunset\ntrusted"
)

// TestWarm: first boot with the user data of a warm-up, power-off, second boot with that of a start.
func TestWarm(t *testing.T) {
	runWarm(t, []warmed{
		{name: "nothing but the runner", check: saysAtOnce("warm")},
		{name: "with packages", both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-sample"} }, job: "cat /usr/share/egr-sample/file", check: saysAtOnce("arrived")},
		{name: "with packages, setup-script, certificates and a user", both: everything, before: untrusting, job: everyJob, check: saysAtOnce(everyWord)},
		{name: "the same on the next Debian", image: parts.trixie, both: everything, before: untrusting, job: everyJob, check: saysAtOnce(everyWord)},
		{
			name: "pre-runner-script runs at the claim", claim: script("echo run >>/scripts\nexport A=$(wc -l </scripts)\n"), job: "echo $A",
			check: saysAtOnce("1"),
		},
		{
			name: "a preinstalled runner", image: parts.preinstalled, both: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }, job: "pwd", check: saysAtOnce("/opt/runner/_work"),
		},
		{
			name: "a preinstalled runner that GitHub refuses", image: parts.old, both: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }, job: "pwd", check: saysAtOnce("/opt/runner-" + newest + "/_work"),
		},
		{
			name: "other packages than those of the warm-up", claim: func(s *bootstrap.Spec) { s.Packages = []string{"egr-sample"} }, job: "cat /usr/share/egr-sample/file",
			check: func(t *testing.T, i *instance) {
				says("arrived")(t, i)
				i.waitConsole("installing 1 packages")
			},
		},
		{
			name: "claimed by token", claim: func(s *bootstrap.Spec) { s.Token, s.JITConfig = plan.Token, "" }, check: saysAtOnce("warm"),
		},
	})
}

// TestBadWarmUps: a warm-up that fails or is cut off says why and is off; and the start that claims the machine all the
// same does what is missing.
func TestBadWarmUps(t *testing.T) {
	again := func(want, line string) func(*testing.T, *instance) {
		return func(t *testing.T, i *instance) {
			t.Helper()
			says(want)(t, i)
			i.waitConsole(bootstrap.ConsolePrefix + line)
		}
	}
	runWarm(t, []warmed{
		{
			name: "setup-script fails", both: setup("echo begin >>/setups\nif [ ! -e /tried ]; then\n  touch /tried\n  ls /nowhere\nfi\n"), job: "wc -l </setups",
			console: []string{"error: setup-script failed with exit 2 at line 4: ls /nowhere (", "| ls: cannot access '/nowhere'", "powering off: setup-script failed"},
			check:   again("2", "running setup-script"),
		},
		{
			name: "setup-script hangs", both: setup("[ -e /tried ] || { touch /tried; sleep 1000; }\n"), warm: func(s *bootstrap.Spec) { s.RegistrationTimeout = 50 * time.Second },
			console: []string{"error: the machine is not warm after 5", "the last that happened: running setup-script (", "powering off: the machine is not warm"},
			check:   again("warm", "running setup-script"),
		},
		{
			name: "setup-script kills the preparation", both: setup("[ -e /tried ] || { touch /tried; kill -9 $$; }\n"),
			console: []string{"error: the warm-up was killed", "powering off: the warm-up was killed"},
			check:   again("warm", "running setup-script"),
		},
		{
			name: "a package that does not exist", both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-nowhere", "egr-sample"} },
			console: []string{"error: package egr-nowhere is not installed", "powering off: package egr-nowhere is not installed"},
			check:   again("warm", "warning: package egr-nowhere is not installed"),
		},
		{
			name: "no runner to be had", atWarmUp: func(p *plan.Plan) { p.Status = 404 },
			console: []string{"error: download runner: GET https://github.com/", "powering off: download runner"},
			check:   again("warm", "downloaded runner"),
		},
		{
			name: "killed half-way in the download", atWarmUp: func(p *plan.Plan) { p.Rate = 100 << 10 },
			cut: killed("/actions-runner/.ec2-github-runner.part/bin/Runner.Listener"), job: "ls -A .. | grep -c part || :", check: again("0", "downloaded runner"),
		},
		{
			name: "killed in the packages", both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-slow", "egr-sample"} },
			cut: killed("/slow-begun"), job: "cat /usr/share/egr-sample/file; dpkg-query -W -f '${Status}' egr-slow", check: again("arrived\ninstall ok installed", "installed packages"),
		},
		{
			name: "killed before the libraries",
			before: "printf '#!/bin/sh\\n[ ! -e /libraries ] || echo libicuuc\\n' >/usr/local/bin/ldconfig\n" +
				"printf '#!/bin/sh\\n[ ! -e /libraries-begun ] || exec touch /libraries\\ntouch /libraries-begun; sleep 600\\n' >/usr/local/bin/yum\nchmod +x /usr/local/bin/ldconfig /usr/local/bin/yum\n",
			cut: killed("/libraries-begun"), job: "ls /libraries", check: again("/libraries", "installing libicu"),
		},
	})
}

// TestWarmLeavesNoSecret: what a warm-up was trusted with is gone once its user data is replaced.
func TestWarmLeavesNoSecret(t *testing.T) {
	const secret = "warm-up-download-token"
	w := warmed{
		name: "secrets", warm: func(s *bootstrap.Spec) { s.DownloadToken = secret },
		check: func(t *testing.T, i *instance) {
			comesOnline(t, i)
			encoded := base64.StdEncoding.EncodeToString([]byte(secret))
			if got := i.sh("find / -xdev -type f -not -path '/boottest/*' -exec zgrep -laE '" + secret + "|" + strings.TrimRight(encoded, "=") + "' {} + 2>/dev/null; find /run /tmp -type f -exec grep -la " + secret + " {} + || :"); got != "" {
				t.Errorf("the secret is in %s", got)
			}
		},
		job: "sleep 20",
	}
	w.run(t)
}

// TestWarmAgain: started without a claim, a warm machine is ready once more and off.
func TestWarmAgain(t *testing.T) {
	t.Parallel()
	w := warmed{name: "again", both: setup("echo run >>/setups\n"), job: "cat /setups", check: saysAtOnce("run")}
	i := w.warmUp(t)
	i.on()
	i.waitOff(2 * soon)
	if !strings.Contains(i.console(), bootstrap.WarmReady) {
		t.Errorf("it is not ready again: %s", i.phases())
	}
	w.claimed(t, i)
	w.check(t, i)
	i.waitOff(soon)
}

// TestImageOfAWarmMachine: it carries nothing of the warm-up but what that installed; another instance does its own.
func TestImageOfAWarmMachine(t *testing.T) {
	t.Parallel()
	w := warmed{name: "image", both: setup("echo run >>/setups\n")}
	i := w.warmUp(t)
	tag := "egr/boottest-warm:" + i.name
	_, err := engine("commit", i.name, tag)
	must(t, err)
	t.Cleanup(func() {
		if _, err := engine("rmi", "--force", tag); err != nil {
			t.Error(err)
		}
	})
	s := byToken()
	w.both(&s)
	p := ordinary()
	job("wc -l </setups; ls /var/lib/cloud/instances")(&p)
	n := boot(t, launch{image: tag, source: "Ec2", userData: userData(t, s), plan: p})
	got := n.wait("job a succeeded", soon).Detail
	if !strings.HasPrefix(got, "2\n") {
		t.Errorf("setup-script and instances: %q", got)
	}
	if e, ok := n.find("download begins"); ok {
		t.Errorf("it downloads what is there: %+v", e)
	}
}

func runWarm(t *testing.T, all []warmed) {
	for _, w := range all {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.run(t)
		})
	}
}

// TestWarmSpeed: from the container's start to online, the second boot of a warm machine against a first start
// that downloads, one after the other. Medians over the pairs, so that a slow minute of the machine spoils nothing.
func TestWarmSpeed(t *testing.T) {
	large, err := tarball(parts.dir, parts.machine, newest, largeTarball)
	must(t, err)
	sum, err := fileSum(large)
	must(t, err)
	fast := func(p *plan.Plan) {
		p.Tarball, p.Rate, p.Connecting = large, 80e6, time.Second
	}
	for name, image := range map[string]string{"Debian 12": parts.bookworm, "Debian 13": parts.trixie} {
		t.Run(name, func(t *testing.T) {
			w := warmed{name: name, image: image, both: func(s *bootstrap.Spec) { s.Software = software(sum) }, atWarmUp: fast}
			kept := w.warmUp(t)
			var cold, warm []time.Duration
			for n := range max(3, *pairs) {
				s := byJIT()
				s.Software, s.Name = software(sum), fmt.Sprint("ec2-", n)
				p := ordinary()
				fast(&p)
				i := boot(t, launch{image: image, source: "Ec2", userData: userData(t, s), plan: p})
				cold = append(cold, i.wait("online", soon).At-i.start)
				i.sh("systemctl poweroff || :")
				i.waitOff(soon)
				p.InstanceID, p.Tarball = kept.id, "/boottest/cache/"+filepath.Base(large)
				kept.give(p, userData(t, s))
				kept.on()
				warm = append(warm, kept.wait("online", soon).At-kept.start)
				kept.sh("systemctl poweroff || :")
				kept.waitOff(soon)
			}
			ratio := median(warm).Seconds() / median(cold).Seconds()
			t.Logf("%s: cold %.2f s (%.1f to %.1f), warm %.2f s (%.1f to %.1f), warm / cold %.2f", name, median(cold).Seconds(), slices.Min(cold).Seconds(), slices.Max(cold).Seconds(),
				median(warm).Seconds(), slices.Min(warm).Seconds(), slices.Max(warm).Seconds(), ratio)
			if ratio > 0.6 {
				t.Errorf("a warm machine takes %.2f of a cold start, want at most 0.6", ratio)
			}
		})
	}
}

//go:build boottest

package boot

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// warmed is one case of a warm machine: its warm-up, what may go wrong there, and the start that claims it. Both have
// the same packages, setup, CA certificates and user.
type warmed struct {
	name string
	// image is "" for the ordinary one.
	image string
	// both changes warm-up and claim, warm the warm-up alone.
	both, warm func(*bootstrap.Spec)
	// atWarmUp changes the world of the warm-up; cut interrupts it from outside.
	atWarmUp func(*plan.Plan)
	cut      func(*testing.T, *instance)
	before   string
	// console is what the warm-up must log; by default that it is ready.
	console []string
	// claim changes the start that claims it, and jobs are its jobs.
	claim func(*bootstrap.Spec)
	job   string
	check func(*testing.T, *instance)
}

// byWarmUp is the ordinary warm-up.
func byWarmUp() bootstrap.Spec {
	return bootstrap.Spec{URL: plan.Scope, Software: software(parts.smallSum), RegistrationTimeout: 3 * time.Minute,
		Warm: true}
}

// warmUp runs the machine's first boot, to its end.
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

// claimed runs the machine's second boot, with the user data of a start.
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

// never checks that none of these happened at this boot.
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

// saysAtOnce checks the job's output, and that the machine repeated none of this.
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

// everything is all that a warm-up can do, and everyJob checks all of it.
func everything(s *bootstrap.Spec) {
	s.Packages, s.CACertificates, s.User = []string{"egr-sample"}, parts.authority, "debian"
	s.SetupScript = "export HERE=no\necho run >>/setups\nid debian >/dev/null\ncat /usr/share/egr-sample/file >/tools\n"
}

const (
	// One CA must be left, or the next Debian's cloud-init does not start.
	untrusting = "[ -e /untrusting ] || sed -i '/END CERTIFICATE/q' /etc/ssl/certs/ca-certificates.crt; touch " +
		"/untrusting\n"
	everyJob = "id -un; stat -c %U ..; cat /tools; wc -l </setups; echo ${HERE-unset}; cmp " +
		"/usr/local/share/ca-certificates/ec2-github-runner.crt /etc/ssl/certs/ec2-github-runner.pem && echo trusted"
	everyWord = "debian\ndebian\narrived\n1\nunset\ntrusted"
)

// TestWarm: first boot with the user data of a warm-up, power-off, second boot with that of a start.
func TestWarm(t *testing.T) {
	runWarm(t, []warmed{
		{name: "nothing but the runner", check: saysAtOnce("warm")},
		{
			name: "with packages", both: func(s *bootstrap.Spec) { s.Packages = []string{"egr-sample"} },
			job: "cat /usr/share/egr-sample/file", check: saysAtOnce("arrived"),
		},
		{
			name: "with packages, setup-script, certificates and a user", both: everything, before: untrusting,
			job: everyJob, check: saysAtOnce(everyWord),
		},
		{
			name: "the same on the next Debian", image: parts.trixie, both: everything, before: untrusting,
			job: everyJob, check: saysAtOnce(everyWord),
		},
		{
			name:  "pre-runner-script runs at the claim",
			claim: script("echo run >>/scripts\nexport A=$(wc -l </scripts)\n"), job: "echo $A",
			check: saysAtOnce("1"),
		},
		{
			name: "a preinstalled runner", image: parts.preinstalled,
			both: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }, job: "pwd",
			check: saysAtOnce("/opt/runner/_work"),
		},
		{
			name: "a preinstalled runner that GitHub refuses", image: parts.old,
			both: func(s *bootstrap.Spec) { s.HomeDir = "/opt/runner" }, job: "pwd",
			check: saysAtOnce("/opt/runner-" + newest + "/_work"),
		},
		{
			name:  "other packages than those of the warm-up",
			claim: func(s *bootstrap.Spec) { s.Packages = []string{"egr-sample"} },
			job:   "cat /usr/share/egr-sample/file",
			check: func(t *testing.T, i *instance) {
				says("arrived")(t, i)
				i.waitConsole("installing 1 packages")
			},
		},
		{
			name: "claimed by token", claim: func(s *bootstrap.Spec) { s.Token, s.JITConfig = plan.Token, "" },
			check: saysAtOnce("warm"),
		},
	})
}

// TestWarmLeavesNoSecret: secrets of a warm-up are gone once its user data is replaced.
func TestWarmLeavesNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "warm-up-download-token"
	w := warmed{
		name: "secrets", warm: func(s *bootstrap.Spec) { s.DownloadToken = secret },
		check: func(t *testing.T, i *instance) {
			comesOnline(t, i)
			encoded := base64.StdEncoding.EncodeToString([]byte(secret))
			if got := i.sh("find /var /etc /root /home /actions-runner -xdev -type f -exec zgrep -laE '" + secret +
				"|" + strings.TrimRight(encoded, "=") + "' {} + 2>/dev/null; find /run /tmp -type f -exec grep -la " +
				secret + " {} + || :"); got != "" {
				t.Errorf("the secret is in %s", got)
			}
		},
		job: "sleep 20",
	}
	w.run(t)
}

// TestWarmAgain: a warm machine that is started without a claim becomes ready again and switches itself off.
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

// TestImageOfAWarmMachine: the image contains nothing of the warm-up but what it installed; another instance does its
// own.
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
		t.Errorf("it downloads although the runner is there: %+v", e)
	}
	n.keepsPromise(t, false)
}

func runWarm(t *testing.T, all []warmed) {
	t.Parallel()
	for _, w := range all {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.run(t)
		})
	}
}

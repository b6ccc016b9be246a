//go:build boottest

package boottest

import (
	"path/filepath"
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
	both  func(*bootstrap.Spec)
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

// TestWarm: first boot with the user data of a warm-up, power-off, second boot with that of a start.
func TestWarm(t *testing.T) {
	for _, w := range []warmed{
		{name: "nothing but the runner", check: func(t *testing.T, i *instance) {
			says("warm")(t, i)
			never(t, i, "download", "installing")
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.run(t)
		})
	}
}

//go:build boottest

package boot

import (
	"sync"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// scenario is one case: a machine, what happens on it, and what must be true in the end.
type scenario struct {
	name   string
	image  string // "" for the ordinary one
	source string
	spec   func(*bootstrap.Spec)
	jit    bool
	plan   func(*plan.Plan)
	before string
	args   []string
	// kills is set if the kernel kills processes of the case for lack of memory. The kernel counts them for the whole
	// host, so a case that reads that count must run alone.
	kills bool
	check func(*testing.T, *instance)
}

// killing is held by the one case that has processes killed.
var killing sync.Mutex

// runAll runs the cases in parallel, together with those of all other tests: they mostly wait.
func runAll(t *testing.T, all []scenario) {
	t.Parallel()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			i := s.boot(t)
			defer func() { t.Logf("%s: %.1f s of a processor: %s", s.name, i.processor().Seconds(), i.phases()) }()
			s.check(t, i)
			i.keepsPromise(t, s.jit)
		})
	}
}

func (s scenario) boot(t *testing.T) *instance {
	t.Helper()
	if s.kills {
		killing.Lock()
		t.Cleanup(killing.Unlock)
	}
	spec := byToken()
	if s.jit {
		spec = byJIT()
	}
	if s.spec != nil {
		s.spec(&spec)
	}
	p := ordinary()
	if s.plan != nil {
		s.plan(&p)
	}
	image := s.image
	if image == "" {
		image = parts.bookworm
	}
	return boot(t,
		launch{image: image, source: s.source, userData: userData(t, spec), plan: p, before: s.before, args: s.args})
}

// allThree sets run-runner-as-user, packages and a pre-runner-script that reads what the package installed.
func allThree(s *bootstrap.Spec) {
	s.User, s.Packages = "debian", []string{"egr-sample"}
	s.PreRunnerScript = "export A=$(cat /usr/share/egr-sample/file)\n"
}

// sayAllThree is a job that reports whether it has all three, arrivedThree its output then.
const (
	sayAllThree  = `echo "$A $(id -un)"`
	arrivedThree = "arrived debian"
)

// job is a plan with jobs that are assigned at once.
func job(scripts ...string) func(*plan.Plan) {
	return func(p *plan.Plan) {
		for n, script := range scripts {
			p.Jobs = append(p.Jobs, plan.Job{Name: string(rune('a' + n)), Script: script})
		}
	}
}

// says checks the first job's output.
func says(want string) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		t.Helper()
		if got := i.wait("job a succeeded", soon).Detail; got != want {
			t.Errorf("the job says %q, want %q", got, want)
		}
	}
}

func comesOnline(t *testing.T, i *instance) {
	t.Helper()
	i.wait("online", soon)
}

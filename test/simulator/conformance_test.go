package simulator_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actions/scaleset"
	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// setService is a service of scale sets that scenarios are played to: the simulator, or the emulator that others wrote.
// It asks listeners to acquire jobs, which is all that the emulator knows.
type setService struct {
	client *scaleset.Client
	app    func(installation int64) *scaleset.Client
	queue  func(set int) string                 // queues a job, and gives its id
	start  func(job, runner string, jit string) // a machine with the configuration comes online and takes the job
	finish func(job string)
	// What the service does by itself now and then.
	expireQueueToken, dropSession func(set int)
	expireAdminTokens             func()
}

// scenario is a conversation of GitHub's client with a service, told in lines. Where the emulator tells another line,
// but has it by the line's number from 1, with the reason why the simulator does not follow.
type scenario struct {
	name string
	play func(t *testing.T, p *player)
	want string
	but  map[int]string
}

// player plays one scenario.
type player struct {
	t     *testing.T
	s     *setService
	lines []string
	last  int
}

func (p *player) tell(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

var statusOf = regexp.MustCompile(`status="(\d+)`)

// outcome is what became of a call: an error's kind, as far as the client tells it, and its status.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	text := err.Error()
	for _, known := range []string{
		scaleset.RunnerExistsError.Error(), scaleset.RunnerNotFoundError.Error(), scaleset.JobStillRunningError.Error(),
	} {
		if strings.Contains(text, known) {
			return known
		}
	}
	if m := statusOf.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

func (p *player) create(name string, labels ...string) *scaleset.RunnerScaleSet {
	in := &scaleset.RunnerScaleSet{Name: name, RunnerGroupID: 1}
	for _, l := range labels {
		in.Labels = append(in.Labels, scaleset.Label{Name: l})
	}
	return must[*scaleset.RunnerScaleSet](p.t)(p.s.client.CreateRunnerScaleSet(p.t.Context(), in))
}

func (p *player) open(set int) *scaleset.MessageSessionClient {
	return must[*scaleset.MessageSessionClient](p.t)(p.s.client.MessageSessionClient(p.t.Context(), set, "host-1"))
}

// poll takes messages until one of them has something of the kind that is waited for, and acknowledges them.
func (p *player) poll(session *scaleset.MessageSessionClient) *scaleset.RunnerScaleSetMessage {
	m, err := session.GetMessage(p.t.Context(), p.last, 100)
	if err != nil {
		p.t.Fatal(err)
	}
	if m != nil {
		p.last = m.MessageID
		if err := session.DeleteMessage(p.t.Context(), m.MessageID); err != nil {
			p.t.Fatal(err)
		}
	}
	return m
}

// counted tells what a message holds. How many runners are idle is left out: the emulator counts those that never came
// online.
func counted(m *scaleset.RunnerScaleSetMessage) string {
	if m == nil {
		return "nothing"
	}
	n := m.Statistics
	return fmt.Sprintf("available %d, assigned %d, started %d, completed %d; of %d %d run on %d",
		len(m.JobAvailableMessages), len(m.JobAssignedMessages), len(m.JobStartedMessages), len(m.JobCompletedMessages),
		n.TotalAssignedJobs, n.TotalRunningJobs, n.TotalRegisteredRunners)
}

func (p *player) acquire(session *scaleset.MessageSessionClient, m *scaleset.RunnerScaleSetMessage) {
	var ids []int64
	for _, j := range m.JobAvailableMessages {
		ids = append(ids, j.RunnerRequestID)
	}
	got, err := session.AcquireJobs(p.t.Context(), ids)
	p.tell("acquired %d of %d: %s", len(got), len(ids), outcome(err))
}

func (p *player) jit(set int, name string) *scaleset.RunnerScaleSetJitRunnerConfig {
	made, err := p.s.client.GenerateJitRunnerConfig(p.t.Context(), &scaleset.RunnerScaleSetJitRunnerSetting{Name: name},
		set)
	p.tell("JIT for %s: %s", name, outcome(err))
	return made
}

// TestConformance plays each scenario to the simulator and, where scripts/emulator says where it is, to
// scaleset-emulator: both tell what is wanted.
//
//	scripts/emulator with go test -run TestConformance ./test/simulator
func TestConformance(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name+"/simulator", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulator.New(simulator.Config{ScaleSets: simulator.ScaleSets{Acquire: true},
					Apps:         []simulator.App{demoApp},
					RunnerGroups: []simulator.RunnerGroup{{Scope: "demo-org/demo", ID: 2, Name: "gpu"}}})
				sc.hold(t, simulated(t, w), nil)
				noSurprises(t, w)
			})
		})
		if address := os.Getenv("EGR_EMULATOR_URL"); address != "" {
			t.Run(sc.name+"/emulator", func(t *testing.T) { sc.hold(t, emulated(t, address), sc.but) })
		}
	}
}

func (sc scenario) hold(t *testing.T, s *setService, but map[int]string) {
	t.Helper()
	p := &player{t: t, s: s}
	sc.play(t, p)
	want := strings.Split(strings.TrimSpace(sc.want), "\n")
	for n := range want {
		want[n] = strings.TrimSpace(want[n])
		if other, differs := but[n+1]; differs {
			want[n] = other
		}
	}
	if diff := cmp.Diff(want, p.lines); diff != "" {
		t.Errorf("want (-) and told (+):\n%s", diff)
	}
}

// simulated is the simulator as a service.
func simulated(t *testing.T, w *simulator.World) *setService {
	name := func(id int) string {
		for _, s := range w.ScaleSets() {
			if s.ID == id {
				return s.Name
			}
		}
		t.Fatalf("there is no set %d", id)
		return ""
	}
	return &setService{
		client: setClient(t, w),
		app: func(installation int64) *scaleset.Client {
			return setClientOfApp(t, w, "https://github.com/demo-org/demo", installation, inWorld(w))
		},
		queue: func(set int) string {
			return w.QueueScaleSetJob(name(set), simulator.ScaleSetJob{Duration: time.Hour})
		},
		start: func(_, runner, jit string) {
			w.AttachGuest("i-"+runner, 0, []byte("./run.sh --jitconfig "+jit))
			pause(t.Context(), time.Minute)
		},
		finish: func(job string) {
			if !w.FinishJob(job) {
				t.Errorf("job %s does not run", job)
			}
		},
		expireQueueToken:  func(set int) { w.ExpireQueueToken(name(set)) },
		dropSession:       func(set int) { w.DropSession(name(set)) },
		expireAdminTokens: w.RevokeScaleSetTokens,
	}
}

// visible waits until a registration is found by name, which takes the simulator a second.
func (p *player) visible(name string) string {
	for range 20 {
		r, err := p.s.client.GetRunnerByName(p.t.Context(), name)
		if err != nil {
			return outcome(err)
		}
		if r != nil {
			return r.Name
		}
		pause(p.t.Context(), 100*time.Millisecond)
	}
	return "nobody"
}

// soon bounds a call that should not wait.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

//go:build !race

// A claim has four seconds of real time, and the race detector makes twenty processes several times slower.

package script

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// Twenty processes race for a pool of five machines.
const (
	racers      = 20
	raceEntries = 5
	raceTimeout = 3 * time.Minute
)

// TestTwentyProcessesAtOnce: twenty independent processes start at once on a pool of five. No machine is shared, none
// is lost, at least three are used, and the other starts are cold.
func TestTwentyProcessesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRace(t)
	if code, log := r.step(t, "pool", map[string]string{"MODE": "pool",
		"POOL-SIZE": strconv.Itoa(raceEntries)}); code != 0 {
		t.Fatalf("pool: exit code %d\n%s", code, log)
	}
	r.await(t, "the pool is ready", func() bool { return len(r.entries("stopped")) == raceEntries })
	pool := map[string]bool{}
	for _, i := range r.entries("stopped") {
		pool[i.ID] = true
	}

	codes, logs := make([]int, racers), make([]string, racers)
	var group sync.WaitGroup
	for n := range racers {
		group.Go(func() {
			codes[n], logs[n] = r.step(t, "start-"+strconv.Itoa(n), map[string]string{"MODE": "start", "LABEL": "leg-" +
				strconv.Itoa(n)})
		})
	}
	group.Wait()

	warm, used := 0, map[string]string{}
	for n := range racers {
		label := "leg-" + strconv.Itoa(n)
		if codes[n] != 0 {
			t.Fatalf("%s: exit code %d\n%s", label, codes[n], logs[n])
		}
		var runners map[string]raced
		if err := json.Unmarshal([]byte(r.output("start-" + strconv.Itoa(n))["runners"]), &runners); err != nil {
			t.Fatal(err)
		}
		h := runners[label]
		if other, shared := used[h.InstanceID]; shared {
			t.Errorf("%s is shared by %s and %s", h.InstanceID, other, label)
		}
		used[h.InstanceID] = label
		if pool[h.InstanceID] {
			warm++
		}
		if !slices.ContainsFunc(r.world.Snapshot().Runners, func(made simulator.Runner) bool {
			return made.ID == h.RunnerID && made.Status == "online" && made.Instance == h.InstanceID &&
				slices.Contains(made.Labels, label)
		}) {
			t.Errorf("%s has no runner online on its machine %+v", label, h)
		}
	}
	t.Logf("%d of %d warm machines used by %d starts", warm, raceEntries, racers)
	if warm < 3 {
		t.Errorf("%d of %d warm machines used, want at least 3", warm, raceEntries)
	}
	// On a busy machine a claim's answer may come too late; the next sweep then frees its registration, in two looks.
	for look := 0; look < 2 && len(r.entries("stopped")) < raceEntries-warm; look++ {
		if code, log := r.step(t, "sweep-"+strconv.Itoa(look), map[string]string{"MODE": "sweep",
			"GRACE-MINUTES": "0"}); code != 0 {
			t.Fatalf("sweep: exit code %d\n%s", code, log)
		}
	}
	whole := r.entries("stopped")
	if len(whole) != raceEntries-warm {
		t.Errorf("%d entries are ready, want %d", len(whole), raceEntries-warm)
	}
	instances, runners := r.world.Leftovers()
	if len(instances) != racers+len(whole) || len(runners) != racers {
		t.Errorf("%d instances and %d runners for %d starts and %d entries", len(instances), len(runners), racers,
			len(whole))
	}
}

// raced is a start's output about its runner.
type raced struct {
	InstanceID string `json:"ec2-instance-id"`
	RunnerID   int64  `json:"runner-id"`
	RunnerName string `json:"runner-name"`
}

// race is a world with the environment of its steps.
type race struct {
	world  *simulator.World
	env    []string
	folder string
}

func newRace(t *testing.T) *race {
	config := simulator.Defaults()
	config.Speed = scriptSpeed
	config.Timing.Fill, config.Timing.Stopped = time.Second, 2*time.Second
	world := simulator.New(config)
	server, err := simulator.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return &race{world: world, folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
		"NO_PROXY=127.0.0.1",
		"AWS_ACCESS_KEY_ID=AKIADEMO", "AWS_SECRET_ACCESS_KEY=demo-secret-key", "AWS_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + server.EC2URL, "GITHUB_API_URL=" + server.GitHubURL,
		"GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=demo-org/demo", "GITHUB_RUN_ID=4711", "GITHUB_RUN_ATTEMPT=1",
		"INPUT_GITHUB-TOKEN=ghp_demo", "INPUT_POOL=tests", "INPUT_EC2-IMAGE-ID=ami-0aaaaaaaaaaaaaaa1",
		"INPUT_EC2-INSTANCE-TYPE=t3.xlarge",
		"INPUT_SUBNET-ID=subnet-0aaaaaaaaaaaaaaa1", "INPUT_SECURITY-GROUP-ID=sg-0aaaaaaaaaaaaaaa1",
	}}
}

// step runs the program as GitHub runs a step.
func (r *race) step(t *testing.T, name string, inputs map[string]string) (code int, log string) {
	ctx, cancel := context.WithTimeout(t.Context(), raceTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, lookIn(os.Getenv("PATH"), "ec2-github-runner"))
	command.Env = slices.Clone(r.env)
	for _, file := range stepFiles {
		command.Env = append(command.Env, file+"="+filepath.Join(r.folder, name+"."+file))
	}
	for input, value := range inputs {
		command.Env = append(command.Env, "INPUT_"+input+"="+value)
	}
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		return -1, err.Error()
	}
	return command.ProcessState.ExitCode(), string(out)
}

func (r *race) output(name string) map[string]string {
	return step.ReadFile(filepath.Join(r.folder, name+".GITHUB_OUTPUT"))
}

// entries returns the pool's entries in a state that are unclaimed and not blocked by a registration.
func (r *race) entries(state string) []simulator.Instance {
	snapshot := r.world.Snapshot()
	return slices.DeleteFunc(snapshot.Instances, func(i simulator.Instance) bool {
		held := slices.ContainsFunc(snapshot.Runners,
			func(made simulator.Runner) bool { return strings.EqualFold(made.Name, "ec2-"+i.ID) })
		return i.Tags["ec2-github-runner:mode"] != "pool" || i.State != state || held
	})
}

func (r *race) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(raceTimeout); !done(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout while waiting until %s", what)
		}
	}
}

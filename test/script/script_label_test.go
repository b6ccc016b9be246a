//go:build !race

package script

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestStartsAtOnceWithOneLabel: three independent processes start at once with one label, as the legs of a matrix do.
// None is evicted: each has runners of its own that are online under the label, and a stop of one takes nothing of the
// others.
func TestStartsAtOnceWithOneLabel(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string]map[string]string{
		"token": {}, "just in time": {"USE-JIT": "true"}, "single-use": {"EPHEMERAL": "true"},
		"two each": {"COUNT": "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startAtOnce(t, inputs)
		})
	}
}

const startsAtOnce = 3

func startAtOnce(t *testing.T, inputs map[string]string) {
	r := newRace(t)
	inputs = maps.Clone(inputs)
	inputs["MODE"], inputs["POOL"], inputs["LABEL"] = "start", "", "pool-4711"
	count := 1
	if inputs["COUNT"] != "" {
		count, _ = strconv.Atoi(inputs["COUNT"])
	}
	codes, logs := make([]int, startsAtOnce), make([]string, startsAtOnce)
	var group sync.WaitGroup
	for n := range startsAtOnce {
		group.Go(func() { codes[n], logs[n] = r.step(t, "start-"+strconv.Itoa(n), inputs) })
	}
	group.Wait()
	for n, code := range codes {
		if code != 0 {
			t.Fatalf("start %d: exit code %d\n%s", n, code, logs[n])
		}
	}
	for n := range startsAtOnce {
		r.mustBeOnline(t, n, count)
	}
	for n := range startsAtOnce {
		stop := map[string]string{"MODE": "stop", "POOL": "", "LABEL": "pool-4711", "RUNNERS": r.output("start-" +
			strconv.Itoa(n))["runners"]}
		if n == 0 && count == 1 { // machulav's form
			stop = map[string]string{"MODE": "stop", "POOL": "", "LABEL": "pool-4711",
				"EC2-INSTANCE-ID": r.output("start-0")["ec2-instance-id"]}
		}
		if code, log := r.step(t, "stop-"+strconv.Itoa(n), stop); code != 0 {
			t.Fatalf("stop %d: exit code %d\n%s", n, code, log)
		}
		for other := n + 1; other < startsAtOnce; other++ {
			r.mustBeOnline(t, other, count)
		}
	}
	if instances, runners := r.world.Leftovers(); len(instances)+len(runners) > 0 {
		t.Errorf("left: %v %v", instances, runners)
	}
}

// mustBeOnline compares a start's outputs with GitHub: each of its runners is online on its machine, and has the label
// and no mark of another start.
func (r *race) mustBeOnline(t *testing.T, n, count int) {
	t.Helper()
	var runners map[string]raced
	if err := json.Unmarshal([]byte(r.output("start-" + strconv.Itoa(n))["runners"]), &runners); err != nil {
		t.Fatal(err)
	}
	if len(runners) != count {
		t.Errorf("start %d has %d runners, want %d", n, len(runners), count)
	}
	for _, h := range runners {
		found := false
		for _, made := range r.world.Snapshot().Runners {
			if made.ID != h.RunnerID || made.Name != h.RunnerName {
				continue
			}
			found = true
			if made.Status != "online" || made.Instance != h.InstanceID || !slices.Contains(made.Labels, "pool-4711") {
				t.Errorf("start %d: %+v, want it online on %s", n, made, h.InstanceID)
			}
			if slices.ContainsFunc(made.Labels, func(label string) bool { return strings.HasPrefix(label, "egr-") }) {
				t.Errorf("start %d: labels %v", n, made.Labels)
			}
		}
		if !found {
			t.Errorf("start %d: runner %s (%d) on %s is gone", n, h.RunnerName, h.RunnerID, h.InstanceID)
		}
	}
}

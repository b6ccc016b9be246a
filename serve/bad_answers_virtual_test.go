package serve_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// jobsOfEach and maxOfEach are the jobs of which one call is spoiled.
const (
	jobsOfEach = 4
	maxOfEach  = 3
)

// spoiled runs the jobs in bad weather, and holds what must be true whatever happens: never more machines than the
// maximum, all jobs done, none of them cut off, nothing left.
func spoiled(t *testing.T, fault simulator.Fault) {
	t.Helper()
	world := simulator.Config{Faults: []simulator.Fault{fault},
		ScaleSets: simulator.ScaleSets{SessionLapse: 20 * time.Second}}
	inBubble(t, world, []config.Set{aSet("ec2-amd64", maxOfEach)}, func(s *stage) {
		s.start("one")
		s.queue("ec2-amd64", jobsOfEach, simulator.ScaleSetJob{Duration: 30 * time.Second})
		if most, _ := s.peak(s.allDone, 30*time.Minute); most > maxOfEach {
			t.Errorf("%d machines at once", most)
		}
		s.nothingLeft(15 * time.Minute)
	})
}

// stormCalls is about how many calls are made before the last job begins.
const stormCalls = 60

// each are the calls that are spoiled: a few of them, spread over all, unless EVERY_CALL is set.
func each(few int) (list []int) {
	stride := stormCalls / few
	if os.Getenv("EVERY_CALL") != "" {
		stride = 1
	}
	for n := 1; n <= stormCalls; n += stride {
		list = append(list, n)
	}
	return list
}

// TestBadAnswers spoils the answer of one call: it is garbled, empty or half, asks to slow down, or does not come.
// Those that are lost are the enumeration's.
func TestBadAnswers(t *testing.T) {
	effects := []simulator.Effect{simulator.EffectHang, simulator.EffectMalformed, simulator.EffectEmpty,
		simulator.EffectCutMiddle, simulator.EffectThrottle, simulator.EffectNull}
	for i, n := range each(10) {
		some := effects
		if os.Getenv("EVERY_CALL") == "" {
			some = effects[i%len(effects):][:1]
		}
		for _, effect := range some {
			t.Run(fmt.Sprintf("%s of call %d", effect, n), func(t *testing.T) {
				spoiled(t, simulator.Fault{Match: simulator.Match{Call: n}, Times: 1, Effect: effect})
			})
		}
	}
}

// TestNullAnswers: null in the place of an answer of the service of scale sets ends nothing, and is asked again.
func TestNullAnswers(t *testing.T) {
	for _, operation := range []string{"GetRunnerScaleSet", "CreateRunnerScaleSet", "CreateMessageSession",
		"GetMessage",
		"GenerateJitRunnerConfig", "GetRunnerScaleSetByID"} {
		t.Run(operation, func(t *testing.T) {
			spoiled(t, simulator.Fault{Match: simulator.Match{Operation: operation}, Times: 2,
				Effect: simulator.EffectNull})
		})
	}
}

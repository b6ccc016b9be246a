// Package enumeration proves, by trying everything, that nothing is left behind and nothing wrongly ended: each flow,
// with each fault at each call, and with a signal or a kill at and between calls. After the layer that is then
// responsible has run, nothing of ours may be left, and nothing foreign may have changed.
//
// The flows run on the real adapters and the simulator, in virtual time: a killed process is one whose transport
// answers nothing any more. Scripts in test/script/testdata run a sample with real processes and signals.
package enumeration

import (
	"context"
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var only = flag.String("only", "", "run the trials whose name contains this text, and show their logs")

func TestEnumeration(t *testing.T) {
	results := &table{}
	t.Run("trials", func(t *testing.T) {
		for _, f := range flows() {
			for _, part := range parts(trialsOf(t, f), 32) {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					for _, tr := range part {
						results.try(t, tr)
					}
				})
			}
		}
	})
	t.Log("\n" + results.String())
	if *only == "" && everyNth == 1 && results.cases() < 400 {
		t.Errorf("%d cases, want at least 400", results.cases())
	}
}

// trialsOf runs a flow without faults and makes a trial for everything that can interrupt it.
func trialsOf(t *testing.T, f flow) []trial {
	t.Helper()
	var calls []simulator.Call
	var lasts time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := newWorld(f)
		s := f.begin(ctx, w)
		known := len(w.Calls())
		begun := time.Now()
		p := newProcess(ctx, w, blow{})
		f.run(p, s)
		p.cancel(nil)
		lasts = time.Since(begun)
		calls = w.Calls()[known:]
	})
	trials := []trial{{flow: f}}
	if !f.signalsOnly {
		for _, w := range weathers(calls) {
			trials = append(trials, trial{flow: f, weather: w})
		}
	}
	for _, b := range blows(struck(f, calls), min(lasts, maxTime)) {
		trials = append(trials, trial{flow: f, blow: b})
	}
	var chosen []trial
	for n, tr := range trials {
		if n%everyNth == 0 && strings.Contains(tr.String(), *only) {
			chosen = append(chosen, tr)
		}
	}
	return chosen
}

// A machine that hangs is waited for longer than one that comes online; after half a minute all looks are alike.
const (
	maxCalls = 24
	maxTime  = 20 * time.Second
)

// struck returns the calls of a flow at which it gets a signal.
func struck(f flow, calls []simulator.Call) []int {
	first, last := map[string]int{}, map[string]int{}
	for n, c := range calls {
		kind := c.Operation + " " + c.Region
		if last[kind] = n + 1; first[kind] == 0 {
			first[kind] = n + 1
		}
	}
	var list []int
	for n, c := range calls {
		kind := c.Operation + " " + c.Region
		isEnd := n+1 == first[kind] || n+1 == last[kind]
		if (f.isBake && isEnd) || (!f.isBake && n < maxCalls) {
			list = append(list, n+1)
		}
	}
	return list
}

func parts[T any](list []T, n int) [][]T {
	var all [][]T
	for len(list) > n {
		all, list = append(all, list[:n]), list[n:]
	}
	return append(all, list)
}

// try runs a trial and, if the flow does not clean up by itself, repeats it with each of the other layers.
func (tb *table) try(t *testing.T, tr trial) {
	t.Helper()
	for _, tr.rest = range tr.flow.rest {
		if tr.rest == bySweep && tr.flow.isStart && tr.blow.moment == after {
			return // a quarter of an hour later it does not matter whether the answer arrived
		}
		var f finding
		synctest.Test(t, func(t *testing.T) { f = tr.run(t.Context()) })
		tb.add(tr, f)
		if *only != "" {
			t.Logf("%s, then %s: %+v\n%s", tr, tr.rest, f, f.log)
		}
		if len(f.left) > 0 || f.wronged != "" || len(f.wrong) > 0 {
			t.Errorf("%s, then %s: left %v; wronged %q; %s", tr, tr.rest, f.left, f.wronged,
				strings.Join(f.wrong, "; "))
		}
		if !f.again {
			return
		}
	}
}

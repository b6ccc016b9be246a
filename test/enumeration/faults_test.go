package enumeration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// weather is one fault at one call of a flow.
type weather struct {
	service, operation string
	region             string
	nth                int  // of the operation, from 1
	lasting            bool // until the process ends
	kind               string
}

func (w weather) String() string {
	text := fmt.Sprintf("%s at %s %d", w.kind, w.operation, w.nth)
	if w.region != "" && w.region != home {
		text += " in " + w.region
	}
	if w.lasting {
		text += " and after"
	}
	return text
}

func (w weather) isNone() bool { return w.kind == "" }

// onTheWire adds network faults to those of a service.
func onTheWire(kinds map[string]simulator.Fault) map[string]simulator.Fault {
	maps.Copy(kinds, map[string]simulator.Fault{
		"refused":     {Effect: simulator.EffectRefuse},
		"cut before":  {Effect: simulator.EffectCutBefore},
		"cut after":   {Effect: simulator.EffectCutAfter},
		"answer lost": {Effect: simulator.EffectCutMiddle},
		"too late":    {Effect: simulator.EffectLate, Delay: time.Minute},
		"hangs":       {Effect: simulator.EffectHang},
		"malformed":   {Effect: simulator.EffectMalformed},
	})
	return kinds
}

// kinds are the faults by service. After those named "after" the call has taken effect.
var kinds = map[string]map[string]simulator.Fault{
	"ec2": onTheWire(map[string]simulator.Fault{
		"500":       {Effect: simulator.EffectError},
		"500 after": {Effect: simulator.EffectErrorAfter},
		"503":       {Effect: simulator.EffectThrottle},
		"403": {Effect: simulator.EffectError, Code: "UnauthorizedOperation",
			Message: "You are not authorized to perform this operation."},
		"401": {Effect: simulator.EffectError, Code: "AuthFailure",
			Message: "AWS was not able to validate the provided access credentials"},
		"capacity": {Effect: simulator.EffectError, Code: "InsufficientInstanceCapacity",
			Message: "We currently do not have sufficient capacity."},
	}),
	"sts": onTheWire(map[string]simulator.Fault{
		"500": {Effect: simulator.EffectError},
		"503": {Effect: simulator.EffectThrottle},
		"403": {Effect: simulator.EffectError, Code: "AccessDenied",
			Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
	}),
	"oidc": onTheWire(map[string]simulator.Fault{
		"500": {Effect: simulator.EffectError, Status: 502},
		"503": {Effect: simulator.EffectThrottle},
		"403": {Effect: simulator.EffectError, Status: 403},
		"401": {Effect: simulator.EffectError, Status: 401},
		"404": {Effect: simulator.EffectError, Status: 404},
	}),
	"github": onTheWire(map[string]simulator.Fault{
		"500":       {Effect: simulator.EffectError, Status: 502},
		"500 after": {Effect: simulator.EffectErrorAfter, Status: 502},
		"503":       {Effect: simulator.EffectThrottle},
		"403": {Effect: simulator.EffectError, Status: 403,
			Message: "Resource not accessible by personal access token"},
		"401": {Effect: simulator.EffectError, Status: 401, Message: "Bad credentials"},
		"404": {Effect: simulator.EffectError, Status: 404, Message: "Not Found"},
	}),
}

// fault returns the fault in the simulator's form.
func (w weather) fault() simulator.Fault {
	f := kinds[w.service][w.kind]
	f.Match = simulator.Match{Service: w.service, Operation: w.operation, Region: w.region}
	f.Nth = w.nth
	if !w.lasting {
		f.Times = 1
	}
	return f
}

// lastingKinds occur once, and also from one call on until the end; for the others that would be a repetition.
var lastingKinds = []string{"500", "403", "hangs", "capacity"}

// mostOf is how many calls of one operation get a fault: the first ones and the last. A runner is looked up again and
// again, and all looks are alike.
const mostOf = 2

// weathers returns all faults at all calls of a flow.
func weathers(calls []simulator.Call) []weather {
	type operation struct{ service, name, region string }
	count := map[operation]int{}
	var order []operation
	for _, c := range calls {
		o := operation{c.Service, c.Operation, c.Region}
		if count[o] == 0 {
			order = append(order, o)
		}
		count[o]++
	}
	var list []weather
	for _, o := range order {
		for _, nth := range ends(count[o]) {
			for _, kind := range sorted(kinds[o.service]) {
				switch {
				case kind == "capacity" && o.name != "RunInstances" && o.name != "StartInstances":
					continue
				case kind == "404" && strings.HasPrefix(o.name, "actions/delete"):
					continue // a 404 of GitHub rightly counts as gone
				}
				list = append(list, weather{o.service, o.name, o.region, nth, false, kind})
				if slices.Contains(lastingKinds, kind) {
					list = append(list, weather{o.service, o.name, o.region, nth, true, kind})
				}
			}
		}
	}
	return list
}

// ends returns the first numbers up to n, and n itself.
func ends(n int) []int {
	var list []int
	for i := 1; i <= n; i++ {
		if i < mostOf || i == n {
			list = append(list, i)
		}
	}
	return list
}

// blows returns the signals at and between all calls: while the answer is in flight, after it (before the next call),
// and every three seconds.
func blows(calls []int, lasts time.Duration) []blow {
	var list []blow
	for _, kill := range []bool{false, true} {
		list = append(list, blow{kill: kill, call: 1, moment: before})
		for _, call := range calls {
			for _, m := range []moment{during, after} {
				list = append(list, blow{kill: kill, call: call, moment: m})
			}
		}
		for at := 730 * time.Millisecond; at < lasts; at += 3 * time.Second {
			list = append(list, blow{kill: kill, at: at})
		}
	}
	return list
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}

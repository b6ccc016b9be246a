package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Effect is the effect of a fault on a call.
type Effect string

// The effects. "Acted" means that the service has executed the call, whatever the client learns of it.
const (
	EffectError      Effect = "error"       // not acted; answered with Status, Code, Message and Header
	EffectErrorAfter Effect = "error-after" // acted; answered as EffectError
	EffectThrottle   Effect = "throttle"    // not acted; EC2 says RequestLimitExceeded, GitHub its secondary rate limit
	EffectRefuse     Effect = "refuse"      // connection refused
	EffectCutBefore  Effect = "cut-before"  // connection cut, not acted
	EffectCutAfter   Effect = "cut-after"   // connection cut, acted: the answer is lost
	EffectCutMiddle  Effect = "cut-middle"  // acted, the connection is cut in the middle of the answer
	EffectLate       Effect = "late"        // acted at once, answered Delay later
	EffectHang       Effect = "hang"        // not acted, never answered; ends when the client goes
	EffectMalformed  Effect = "malformed"   // acted, the answer is garbled
	// EffectEmpty has acted and answers as it would, without a body. The service of scale sets does so at times:
	// https://github.com/actions/actions-runner-controller/issues/4285
	EffectEmpty Effect = "empty"
	// EffectNull has acted and answers null, which is valid JSON and no answer.
	EffectNull Effect = "null"
	// EffectUnlisted answers GitHub's list of runners without any of them, as it was for runners at work:
	// https://github.com/actions/runner/issues/936
	EffectUnlisted Effect = "unlisted"
)

var effects = map[Effect]bool{
	EffectError: true, EffectErrorAfter: true, EffectThrottle: true, EffectRefuse: true, EffectCutBefore: true,
	EffectCutAfter:  true,
	EffectCutMiddle: true, EffectLate: true, EffectHang: true, EffectMalformed: true, EffectEmpty: true,
	EffectUnlisted: true, EffectNull: true,
}

// Fault is one rule of the weather: which calls it affects, and how. Only the first fault that matches a call is
// applied.
type Fault struct {
	Match  Match         `yaml:"match"`
	Nth    int           `yaml:"nth"`   // begins with the nth call that matches; 0 and 1 mean the first
	Times  int           `yaml:"times"` // affects so many calls; 0 means all from then on
	Effect Effect        `yaml:"effect"`
	Delay  time.Duration `yaml:"delay"` // of EffectLate, divided by Config.Speed

	// What EffectError and EffectErrorAfter answer. Status defaults to 500, for EC2 by Code to what EC2 uses. For EC2
	// Code is the error code (default InternalError), for GitHub one of its refusals (github_refusals.go), whose words
	// it answers, for its scale sets an exception (github_scaleset_faults.go).
	Status  int               `yaml:"status"`
	Code    string            `yaml:"code"`
	Message string            `yaml:"message"`
	Header  map[string]string `yaml:"header"` // such as retry-after: "3"; x-ratelimit-reset: "+60" is seconds from now
}

// Match is which calls a fault affects. Empty fields match everything; texts may contain the wildcards * and ?.
type Match struct {
	Service   string `yaml:"service"`
	Operation string `yaml:"operation"`
	Region    string `yaml:"region"`
	Scope     string `yaml:"scope"`
	Caller    string `yaml:"caller"`
	Call      int    `yaml:"call"` // this very call, counted over all services from 1
	// Params compares parameters as Call.Params shows them: EC2's own names ("ImageId", "InstanceId.1") and Zone and
	// Market for RunInstances; for GitHub the query and path parameters and the fields of the body.
	Params map[string]string `yaml:"params"`
}

type weather struct{ rules []*rule }

type rule struct {
	Fault
	seen, met int
}

func (ws *weather) init(faults []Fault) {
	for _, f := range faults {
		ws.rules = append(ws.rules, &rule{Fault: f})
	}
}

// AddFault adds a fault from now on. It panics on an invalid one.
func (w *World) AddFault(f Fault) {
	if err := f.check(); err != nil {
		panic("simulator: " + err.Error())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weather.rules = append(w.weather.rules, &rule{Fault: f})
}

// ClearFaults removes all faults.
func (w *World) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weather.rules = nil
}

func (f Fault) check() error {
	if !effects[f.Effect] {
		return fmt.Errorf("fault has unknown effect %q", f.Effect)
	}
	if f.Nth < 0 || f.Times < 0 || f.Delay < 0 {
		return fmt.Errorf("fault %s has a negative number", f.Effect)
	}
	if f.Effect == EffectLate && f.Delay == 0 {
		return fmt.Errorf("fault late needs a delay")
	}
	switch f.Match.Service {
	case "", serviceEC2, serviceSTS, serviceIAM, serviceQuotas, serviceGitHub, serviceOIDC, serviceActions:
		return nil
	}
	return fmt.Errorf("fault matches unknown service %q", f.Match.Service)
}

// pick finds the fault for a call. Every rule that matches counts the call, also when another one is applied.
func (ws *weather) pick(x *exchange) *Fault {
	var picked *rule
	for _, r := range ws.rules {
		if !r.Match.fits(x) {
			continue
		}
		r.seen++
		if picked == nil && r.seen >= r.Nth && (r.Times == 0 || r.met < r.Times) {
			picked = r
		}
	}
	if picked == nil {
		return nil
	}
	picked.met++
	fault := picked.Fault
	return &fault
}

func (m Match) fits(x *exchange) bool {
	if m.Call != 0 && m.Call != x.call.Number {
		return false
	}
	for _, p := range [][2]string{
		{m.Service, x.service}, {m.Operation, x.operation}, {m.Region, x.region}, {m.Scope, x.scope},
		{m.Caller, x.caller},
	} {
		if p[0] != "" && !wildcard(p[0], p[1]) {
			return false
		}
	}
	for name, pattern := range m.Params {
		if !wildcard(pattern, x.params[name]) {
			return false
		}
	}
	return true
}

func (f *Fault) describe() string {
	if f.Code != "" {
		return string(f.Effect) + " " + f.Code
	}
	if f.Status != 0 {
		return string(f.Effect) + " " + strconv.Itoa(f.Status)
	}
	return string(f.Effect)
}

// faultAnswer is the error that a fault gives in the service's place, in the service's own form.
func (w *World) faultAnswer(x *exchange) answer {
	f := *x.fault
	var a answer
	switch {
	case f.Effect == EffectThrottle && x.service == serviceGitHub:
		a = w.hub.secondaryLimit()
	case x.service == serviceOIDC:
		a = idTokenFault(f)
	case x.service == serviceActions:
		a = w.hub.actionsFault(x)
	case x.service == serviceGitHub && f.Code != "":
		a = refusalAnswer(f.Code)
		if f.Code != "proxy-page" {
			w.hub.limitHeaders(a.header, x.caller)
		}
	case x.service == serviceGitHub:
		a = hubError(orInt(f.Status, http.StatusInternalServerError), orText(f.Message, "Server Error"))
		w.hub.limitHeaders(a.header, x.caller)
	default:
		code := orText(f.Code, "InternalError")
		fail := &ec2Error{status: orInt(f.Status, statusOf(code)), code: code, message: orText(f.Message,
			"An internal error has occurred")}
		if f.Effect == EffectThrottle {
			fail = errThrottled
			if x.service != serviceEC2 {
				fail = errSTSThrottled
			}
		}
		a = w.cloud.errorAnswer(fail)
		switch x.service {
		case serviceSTS, serviceIAM:
			a = stsError(fail, w.cloud.requestID())
		case serviceQuotas:
			a = quotaError(fail)
		}
	}
	w.setFaultHeaders(a, f)
	return a
}

// setFaultHeaders sets the headers that the fault asks for.
func (w *World) setFaultHeaders(a answer, f Fault) {
	for k, v := range f.Header {
		if strings.EqualFold(k, "x-ratelimit-reset") && strings.HasPrefix(v, "+") {
			if seconds, err := strconv.Atoi(v[1:]); err == nil {
				v = strconv.FormatInt(w.hub.clock().Add(time.Duration(seconds)*time.Second).Unix(), 10)
			}
		}
		a.header.Set(k, v)
	}
}

// idTokenFault is the error that the OIDC endpoint answers.
func idTokenFault(f Fault) answer {
	status := orInt(f.Status, http.StatusInternalServerError)
	if f.Effect == EffectThrottle {
		status = http.StatusTooManyRequests
	}
	return oidcAnswer(status, map[string]string{"message": orText(f.Message, http.StatusText(status))})
}

func orInt(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

func orText(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

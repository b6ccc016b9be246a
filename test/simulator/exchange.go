package simulator

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// exchange is one request and its answer.
type exchange struct {
	service   string // "ec2", "sts", "github" or another one of calls.go
	operation string // "RunInstances", or the operationId of GitHub's OpenAPI description
	region    string // of an EC2 call
	scope     string // of a GitHub call: "owner/repo", "org" or "enterprises/name"
	caller    string // access key id or token, for limits and permissions
	// sessionToken and signedAt are of a signed request.
	sessionToken string
	signedAt     time.Time
	params       map[string]string
	latency      time.Duration
	// act executes the request at one moment, with the world locked.
	act func() answer
	// poll is set for a long poll, which is answered when it is ready or its time is over (await).
	poll func() (ready bool, changed <-chan struct{})

	crowd int // calls of the same caller that were under way, this one included
	call  *Call
	fault *Fault
}

// answer is the answer of a service.
type answer struct {
	status int
	header http.Header
	body   []byte
	code   string // the error code, for the journal
}

// fate is how an exchange ends for the client.
type fate int

const (
	delivered fate = iota
	refused        // no connection came about
	cut            // the connection ended without an answer
	cutMiddle      // the connection ended in the middle of the answer
	abandoned      // the client went away, or the world is dark
)

// exchange executes a request, with the latencies of the request and of the answer. It returns early when ctx ends. It
// never holds the lock while time passes.
func (w *World) exchange(ctx context.Context, dark *darkness, req *http.Request, body []byte, service string) (answer,
	fate) {
	w.enter()
	x := w.understand(req, body, service)
	w.begin(x)
	darks := []<-chan struct{}{w.dark.fell(), dark.fell()}
	w.mu.Unlock()
	defer w.leave(x)

	half := w.scaled(x.latency) / 2
	if x.fault != nil {
		switch x.fault.Effect {
		case EffectHang:
			return answer{}, pass(ctx, darks, -1)
		case EffectRefuse:
			return answer{}, worse(pass(ctx, darks, time.Millisecond), refused)
		case EffectCutBefore:
			return answer{}, worse(pass(ctx, darks, half), cut)
		}
	}
	if end := pass(ctx, darks, half); end != delivered {
		return answer{}, end
	}
	if x.poll != nil && !x.refusedByFault() {
		if end := w.await(ctx, darks, x.poll); end != delivered {
			return answer{}, end
		}
	}
	a := w.perform(x, req, body)
	back := half
	if x.fault != nil && x.fault.Effect == EffectLate {
		back += w.scaled(x.fault.Delay)
	}
	if end := pass(ctx, darks, back); end != delivered {
		return answer{}, end
	}
	a, end := x.applyFault(a)
	if end != delivered {
		return a, end
	}
	return w.got(x, a)
}

// applyFault applies the weather to an answer.
func (x *exchange) applyFault(a answer) (answer, fate) {
	if x.fault == nil {
		return a, delivered
	}
	switch x.fault.Effect {
	case EffectCutAfter:
		return answer{}, cut
	case EffectCutMiddle:
		return a, cutMiddle
	case EffectMalformed:
		a.body = mangle(a.body)
	case EffectEmpty:
		a.body = nil
	case EffectNull:
		a.body = []byte("null")
	}
	return a, delivered
}

// begin records the call and picks a fault of the weather. The world is locked.
func (w *World) begin(x *exchange) {
	x.call = w.journal.add(Call{
		Time: w.now, Service: x.service, Operation: x.operation, Region: x.region, Scope: x.scope, Caller: x.caller,
		Params: x.params, Lost: true,
	})
	w.hub.enterCall(x)
	if x.fault = w.weather.pick(x); x.fault != nil {
		x.call.Fault = x.fault.describe()
	}
}

// perform executes the call, or answers with the fault in its place, and passes the result to the hooks.
func (w *World) perform(x *exchange, req *http.Request, body []byte) answer {
	w.enter()
	var a answer
	if x.refusedByFault() {
		a = w.faultAnswer(x)
	} else {
		a = x.act()
		if x.fault != nil && x.fault.Effect == EffectErrorAfter {
			a = w.faultAnswer(x)
		}
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	date := w.serviceNow()
	if x.service == serviceGitHub {
		date = w.hub.clock()
	}
	a.header.Set("Date", date.UTC().Format(http.TimeFormat))
	x.call.Status, x.call.Code, x.call.Acted = a.status, a.code, true
	hooks := w.hooks
	w.mu.Unlock()
	for _, hook := range hooks {
		hook(withBody(req, body), a.response(req)) //nolint:bodyclose // the body is a reader in memory
	}
	return a
}

// refusedByFault reports whether a fault answers in the service's place, so that the call is not executed.
func (x *exchange) refusedByFault() bool {
	return x.fault != nil && (x.fault.Effect == EffectError || x.fault.Effect == EffectThrottle)
}

// isUnlisted reports whether a list of runners lacks them all.
func (x *exchange) isUnlisted() bool { return x.fault != nil && x.fault.Effect == EffectUnlisted }

// leave records the end of the exchange.
func (w *World) leave(x *exchange) {
	w.enter()
	defer w.mu.Unlock()
	x.call.Duration = w.now.Sub(x.call.Time)
	w.hub.leaveCall(x)
}

// got records that the client gets the whole answer.
func (w *World) got(x *exchange, a answer) (answer, fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.call.Lost = false
	return a, delivered
}

// pass lets d go by; with a negative d it waits for the end of the client. It waits by timer and by the request's own
// context, as a synctest bubble needs it. When the world is dark nothing is answered any more, and only the client's
// end ends it.
func pass(ctx context.Context, darks []<-chan struct{}, d time.Duration) fate {
	var ring <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		ring = timer.C
	}
	select {
	case <-ring:
		select {
		case <-darks[0]:
		case <-darks[1]:
		default:
			return delivered
		}
	case <-darks[0]:
	case <-darks[1]:
	case <-ctx.Done():
		return abandoned
	}
	<-ctx.Done()
	return abandoned
}

// worse returns how an exchange ends: the client's own end takes precedence over the weather's.
func worse(end, planned fate) fate {
	if end != delivered {
		return end
	}
	return planned
}

// mangle returns an answer that no parser accepts, as a proxy may send it.
func mangle(body []byte) []byte {
	return append([]byte("<html><body>upstream \x00"), body[:len(body)/2]...)
}

// response returns the answer as net/http passes it to a client.
func (a answer) response(req *http.Request) *http.Response {
	header := a.header.Clone()
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}
}

func withBody(req *http.Request, body []byte) *http.Request {
	shown := req.Clone(context.WithoutCancel(req.Context()))
	shown.Body = io.NopCloser(bytes.NewReader(body))
	return shown
}

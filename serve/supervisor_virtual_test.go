package serve_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// supervisor keeps one process running, as an init system does.
type supervisor struct {
	stage   *stage
	call    int  // of the first process, at which it is killed or gets a SIGTERM; 0 for none
	after   bool // when the answer is there, else while it is on its way
	signals chan signal
	end     func() int // ends the process, and returns how many there were
	ended   chan struct{}
	over    chan struct{}
	count   int
}

type signal struct{ kill bool }

// supervise starts a process, and whenever it has ended another one. At one of the calls of the first there is a
// signal.
func (s *stage) supervise(call int, after, kill bool) *supervisor {
	v := &supervisor{stage: s, call: call, after: after, signals: make(chan signal, 1), ended: make(chan struct{}),
		over: make(chan struct{})}
	v.end = sync.OnceValue(func() int {
		close(v.ended)
		<-v.over
		return v.count
	})
	go v.run(kill)
	s.t.Cleanup(func() { v.end() })
	return v
}

func (v *supervisor) run(kill bool) {
	defer close(v.over)
	for {
		v.count++
		way := func(p *process) http.RoundTripper { return p.dark }
		if v.count == 1 && v.call > 0 {
			way = func(p *process) http.RoundTripper {
				return &wire{process: p, call: v.call, after: v.after, strike: func() { v.signals <- signal{kill} }}
			}
		}
		p, err := v.stage.tryStart(fmt.Sprint("host-", v.count), way)
		if err == nil {
			select {
			case <-v.ended:
				p.end()
				return
			case <-p.closed:
			case s := <-v.signals:
				v.send(p, s)
			}
		}
		select {
		case <-v.ended:
			return
		case <-time.After(time.Second): // what an init system waits before it starts a program again
		}
	}
}

// send delivers a signal. What was killed is not waited for: it makes no call that reaches anybody.
func (v *supervisor) send(p *process, s signal) {
	if s.kill {
		p.dark.Dark()
		go p.end()
		return
	}
	if took := p.end(); took > 5*time.Second {
		v.stage.t.Errorf("the end took %s", took)
	}
}

// wire counts the calls of a process, and strikes at one of them.
type wire struct {
	process *process
	call    int
	after   bool
	strike  func()
	mu      sync.Mutex
	calls   int
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.calls++
	mine := w.calls == w.call
	w.mu.Unlock()
	if !mine {
		return w.process.dark.RoundTrip(request)
	}
	if !w.after {
		// The service acts when half of a call's time is over: 50 ms or 75 ms, and 750 ms for RunInstances.
		latency := 90 * time.Millisecond
		if request.ContentLength > 2000 {
			latency = time.Second
		}
		time.AfterFunc(latency, w.strike)
	}
	response, err := w.process.dark.RoundTrip(request)
	if w.after {
		w.strike()
	}
	return response, err
}

package enumeration

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// crowd is how many starts begin at the same moment, with one token and one account.
const crowd = 100

// TestCrowd starts a hundred runners at once, each in a process of its own, under GitHub's and EC2's limits. All must
// come online or report clearly why not; every retry-after of GitHub must be respected; and waiting for the runners
// must use less than half of GitHub's limit.
func TestCrowd(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, change := range map[string]func(*runner.StartRequest){"by token": byToken, "by JIT": byJIT} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { startCrowd(t, change) })
		})
	}
}

func startCrowd(t *testing.T, change func(*runner.StartRequest)) {
	w := simulator.New(simulator.Config{})
	begun := time.Now()
	errs, waits := make([]error, crowd), make([]*obedience, crowd)
	var group sync.WaitGroup
	for n := range crowd {
		p := newProcess(t.Context(), w, blow{})
		defer p.cancel(nil)
		waits[n] = &obedience{}
		p.wire.watch = waits[n]
		group.Go(func() {
			_, errs[n] = p.starter().Start(p.ctx, request(func(r *runner.StartRequest) {
				change(r)
				r.Groups[0].Label = fmt.Sprintf("leg-%d", n)
				r.Waiting = runner.Waiting{Timeout: 5 * time.Minute}
			}))
		})
	}
	group.Wait()
	took := time.Since(begun)
	online := 0
	for n, err := range errs {
		if err == nil {
			online++
			continue
		}
		if hint := diagnosis.Hint(err); !strings.Contains(err.Error(), "limit") && hint == "" {
			t.Errorf("start %d fails without a clear message: %v", n, err)
		}
	}
	spent := spend(w.Calls())
	disobeyed := 0
	for _, o := range waits {
		disobeyed += o.disobeyed
	}
	t.Logf("%d of %d online after %s; GitHub: %d calls, %d refused, %d looks, at most %d a minute (of 900 allowed); "+
		"EC2: %d calls, %d throttled (%v)", online, crowd, took.Round(time.Second), spent.github, spent.refused,
		spent.looks, spent.mostLooks, spent.ec2, spent.throttled, spent.throttledBy)
	if online < crowd {
		t.Errorf("%d of %d came online: %v", online, crowd, errors.Join(errs...))
	}
	if disobeyed > 0 {
		t.Errorf("%d calls were made before GitHub's retry-after was over", disobeyed)
	}
	if spent.mostLooks > 450 {
		t.Errorf("%d looks within a minute, which is more than half of what GitHub allows", spent.mostLooks)
	}
	if surprises := w.Surprises(); len(surprises) > 0 {
		t.Error(surprises)
	}
}

// spent is what all processes together have used.
type spent struct {
	github, refused, looks, mostLooks, ec2, throttled int
	throttledBy                                       map[string]int
}

func spend(calls []simulator.Call) spent {
	s := spent{throttledBy: map[string]int{}}
	var looks []time.Time
	for _, c := range calls {
		if c.Service != "github" {
			s.ec2++
			if c.Code == "RequestLimitExceeded" {
				s.throttled++
				s.throttledBy[c.Operation]++
			}
			continue
		}
		s.github++
		if c.Status == http.StatusForbidden {
			s.refused++
		}
		if strings.HasPrefix(c.Operation, "actions/get-self-hosted") || strings.HasPrefix(c.Operation,
			"actions/list-self-hosted") {
			looks = append(looks, c.Time)
		}
	}
	s.looks = len(looks)
	for n, at := range looks {
		within := 0
		for _, other := range looks[n:] {
			if other.Sub(at) < time.Minute {
				within++
			}
		}
		s.mostLooks = max(s.mostLooks, within)
	}
	return s
}

// obedience checks that a process waits as long as GitHub's answers require.
type obedience struct {
	mu        sync.Mutex
	until     time.Time
	disobeyed int
}

func (o *obedience) saw(request *http.Request, response *http.Response) {
	if request.URL.Host != "api.github.com" || response == nil || response.Header.Get("Retry-After") == "" {
		return
	}
	if wait, err := time.ParseDuration(response.Header.Get("Retry-After") + "s"); err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.until = time.Now().Add(wait)
	}
}

func (o *obedience) asks(request *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if request.URL.Host == "api.github.com" && time.Now().Before(o.until) {
		o.disobeyed++
	}
}

package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// This file keeps GitHub's count of a set's jobs, which may be older than the message that contains it: messages with
// an assigned job and a count of 0 were seen, https://github.com/actions/actions-runner-controller/issues/3420. The
// next message may be hours away. Until then the job would wait, or machines would be launched for a job that is over.
// So the set is read again if the count does not follow from the last one and the message's own events.

// recountDelays are the delays before each reading of the set; the last answer is accepted as it is. noHurry is the
// first delay if the count is higher than expected: no job waits by the lower number, and the next message may agree.
var (
	recountDelays = []time.Duration{2 * time.Second, 4 * time.Second, 9 * time.Second}
	noHurry       = 15 * time.Second
)

// If jobs wait while runners are idle, the count may be wrong: it is doubted after waitingDoubt, once in
// recountInterval.
const (
	waitingDoubt    = 20 * time.Second
	recountInterval = time.Minute
)

// caughtUpAfter is how long a poll takes at least if no message was ready for it. Messages before such a poll are from
// before the session.
const caughtUpAfter = time.Second

// jobCount is GitHub's count of a set's jobs, corrected by the events of its messages.
type jobCount struct {
	api     *queue.Client
	log     *slog.Logger
	changed func()        // called when the count was read again
	doubt   chan struct{} // signals that the count may be wrong

	mu        sync.Mutex
	set       int // its id at GitHub; 0 while no session is held
	count     queue.Count
	expected  int       // assigned jobs, by the events of messages
	messages  int       // how many were taken in
	recounted time.Time // when the set was read last
	inDoubt   bool      // the count is not the expected one
	tooMany   bool      // the count is higher than expected
	ofPast    bool      // nothing is expected: the count is the session's first, or came with an earlier message
	caughtUp  bool      // all messages from before the session were taken in
}

// now returns the count.
func (c *jobCount) now() queue.Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// open takes in the count that a session begins with.
func (c *jobCount) open(set int, count queue.Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set, c.caughtUp = set, false
	c.begin(count)
}

// close ends the session's counting. The last count is kept.
func (c *jobCount) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = 0
}

// reset takes in a count that is not in doubt. mu is held.
func (c *jobCount) reset(count queue.Count) {
	c.count, c.expected, c.inDoubt, c.ofPast = count, count.Assigned, false, false
}

// begin takes in a count without anything to compare it with: its events came in an earlier session, or are still to
// come. The set is read again. mu is held.
func (c *jobCount) begin(count queue.Count) {
	c.reset(count)
	c.inDoubt, c.ofPast, c.tooMany = true, true, false
	c.askAgain()
}

// polled notes whether all messages from before the session were taken in.
func (c *jobCount) polled(m *queue.Message, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caughtUp = c.caughtUp || m == nil || took >= caughtUpAfter
}

// take takes in the count of a message. While it is in doubt the lower number is used, which costs seconds and not a
// machine.
func (c *jobCount) take(m *queue.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages++
	if !c.caughtUp { // the count that the session began with may know of these events already
		c.begin(m.Count)
		return
	}
	c.ofPast = false
	c.expected = max(0, c.expected+m.Assigned-len(m.Completed))
	c.count = m.Count
	c.inDoubt = m.Count.Assigned != c.expected
	if !c.inDoubt {
		return
	}
	c.tooMany = m.Count.Assigned > c.expected
	c.count.Assigned = min(m.Count.Assigned, c.expected)
	c.askAgain()
}

// takeAgain takes in the count of a message without new events.
func (c *jobCount) takeAgain(count queue.Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if count.Assigned != c.count.Assigned {
		c.messages++
		c.begin(count)
	}
}

// doubtWaiting has the set read again if, by its count, jobs have waited since a moment although runners are idle.
func (c *jobCount) doubtWaiting(since, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !since.IsZero() && now.Sub(since) >= waitingDoubt && now.Sub(c.recounted) >= recountInterval {
		c.recounted, c.inDoubt, c.tooMany = now, true, false
		c.askAgain()
	}
}

// askAgain has the set read again.
func (c *jobCount) askAgain() {
	select {
	case c.doubt <- struct{}{}:
	default:
	}
}

// run reads the set again whenever its count is in doubt, until ctx ends.
func (c *jobCount) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.doubt:
		}
		for i, delay := range recountDelays {
			if i == 0 && c.isTooHigh() {
				delay = noHurry
			}
			wait(ctx, delay)
			if ctx.Err() != nil {
				return
			}
			if c.read(ctx, i) {
				break
			}
			c.changed()
		}
		c.changed()
	}
}

// read reads the set for the nth time, from 0, and reports whether the count is no longer in doubt. The last answer is
// accepted as it is; so is the second if nothing is expected.
func (c *jobCount) read(ctx context.Context, n int) bool {
	last := n == len(recountDelays)-1
	c.mu.Lock()
	set, messages, needed := c.set, c.messages, c.set != 0 && c.inDoubt
	c.mu.Unlock()
	if !needed {
		return true // a message, or the next session, has a count of its own
	}
	count, err := c.api.Count(ctx, set)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recounted = time.Now()
	switch {
	case err != nil:
		c.log.Debug("the set's count cannot be read", "error", err)
		return false
	case c.messages != messages: // one came meanwhile, which may be newer
		return false
	case c.ofPast && n == 0:
		c.count, c.expected = count, count.Assigned
		return false
	case c.ofPast:
	case count.Assigned != c.expected && !last:
		return false
	case count.Assigned != c.expected:
		c.log.Info("GitHub's count of jobs is another than its messages", "assigned", count.Assigned,
			"expected", c.expected)
	}
	c.reset(count)
	return true
}

func (c *jobCount) isTooHigh() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tooMany
}

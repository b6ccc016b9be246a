package serve

import (
	"context"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// This file keeps GitHub's count of a set's jobs, which may be older than the message that it comes with: messages with
// an assigned job and a count of 0 were seen, https://github.com/actions/actions-runner-controller/issues/3420. No
// other message may follow for hours, so that the job would wait, or a machine be launched again and again for a job
// that is over. Where the count is not what the message's own events make of the one before, the set is read again.

// recountDelays are the waits before the set is read again. The last answer holds, whatever it is. There is no hurry
// where nothing waits by the lower number, and the next message may agree.
var (
	recountDelays = []time.Duration{2 * time.Second, 4 * time.Second, 9 * time.Second}
	noHurry       = 15 * time.Second
)

// Jobs that wait beside idle runners may be a count that is wrong.
const (
	waitingDoubt  = 20 * time.Second
	recountAtMost = time.Minute // apart
)

// caughtUpAfter is how long a poll waits at least that had no message ready: those before it were of the past.
const caughtUpAfter = time.Second

// notePoll notes whether the messages of the time before the session are all taken in. mu is held.
func (s *set) notePoll(m *queue.Message, took time.Duration) {
	s.caughtUp = s.caughtUp || m == nil || took >= caughtUpAfter
}

// takeCount takes in the count of a message. While it is in doubt the lower number holds, which costs seconds, and no
// machine. mu is held.
func (s *set) takeCount(m *queue.Message) {
	s.messages++
	if !s.caughtUp { // the count that the session began with may know of these events already
		s.beginCount(m.Count)
		return
	}
	s.ofPast = false
	s.expected = max(0, s.expected+m.Assigned-len(m.Completed))
	s.count = m.Count
	s.inDoubt = m.Count.Assigned != s.expected
	if !s.inDoubt {
		return
	}
	s.tooMany = m.Count.Assigned > s.expected
	s.count.Assigned = min(m.Count.Assigned, s.expected)
	s.doubtCount()
}

// resetCount takes in a count that is not in doubt. mu is held.
func (s *set) resetCount(count queue.Count) {
	s.count, s.expected, s.inDoubt, s.ofPast = count, count.Assigned, false, false
}

// beginCount takes in a count that there is nothing to compare with: the events that make it up came to an earlier
// session, or come yet. The set is read again. mu is held.
func (s *set) beginCount(count queue.Count) {
	s.resetCount(count)
	s.inDoubt, s.ofPast, s.tooMany = true, true, false
	s.doubtCount()
}

// doubtCount has the set read again. mu is held.
func (s *set) doubtCount() {
	select {
	case s.doubt <- struct{}{}:
	default:
	}
}

// recount reads the set's count again whenever it is in doubt.
func (s *set) recount(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.doubt:
		}
		for i, delay := range recountDelays {
			if i == 0 && s.countsTooMany() {
				delay = noHurry
			}
			wait(ctx, delay)
			if ctx.Err() != nil {
				return
			}
			if s.readCount(ctx, i) {
				break
			}
			s.poke()
		}
		s.poke()
	}
}

// readCount reads the set for the nth time, from 0, and reports whether the count is no longer in doubt. The last
// answer is taken as it is, and the second where nothing is expected.
func (s *set) readCount(ctx context.Context, n int) bool {
	last := n == len(recountDelays)-1
	s.mu.Lock()
	id, messages, needed := s.id, s.messages, s.held && s.inDoubt
	s.mu.Unlock()
	if !needed {
		return true // a message, or the next session, has a count of its own
	}
	api, err := s.client()
	if err != nil {
		return false
	}
	count, err := api.Count(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recounted = time.Now()
	switch {
	case err != nil:
		s.log.Debug("the set's count cannot be read", "error", err)
		return false
	case s.messages != messages: // one came meanwhile, which may be newer
		return false
	case s.ofPast && n == 0:
		s.count, s.expected = count, count.Assigned
		return false
	case s.ofPast:
	case count.Assigned != s.expected && !last:
		return false
	case count.Assigned != s.expected:
		s.log.Info("GitHub's count of jobs is another than its messages", "assigned", count.Assigned,
			"expected", s.expected)
	}
	s.resetCount(count)
	return true
}

func (s *set) countsTooMany() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tooMany
}

// doubtWaiting has the set read again where jobs wait by its count, and idle runners do not get them. mu is held.
func (s *set) doubtWaiting(now time.Time) {
	if !s.waiting.IsZero() && now.Sub(s.waiting) >= waitingDoubt && now.Sub(s.recounted) >= recountAtMost {
		s.recounted, s.inDoubt, s.tooMany = now, true, false
		s.doubtCount()
	}
}

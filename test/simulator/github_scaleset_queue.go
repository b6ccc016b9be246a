package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// maxBatch is how many job messages one message of the queue holds at most: "Responses contain at most 50 messages"
// (README of actions/scaleset, "Autoscaling").
const maxBatch = 50

// firstMessage is near what real message ids are like, which do not begin at 1.
const firstMessage = 100_109_000

// messageQueue is the queue of a set. It outlives sessions: "each restart throws away the in-memory lastMessageID, so
// the message cursor resets to 0 every time" (https://github.com/actions/scaleset/pull/123).
type messageQueue struct {
	pending []map[string]any // job messages that were not delivered yet
	sent    []batch          // delivered and not acknowledged
	lastID  int
	// redelivers is ScaleSets.Redelivers.
	redelivers bool
}

type batch struct {
	id   int
	kind string // "" for messages about jobs
	jobs []map[string]any
}

// push adds a job message and wakes the polls.
func (s *scaleSet) push(message map[string]any) {
	s.queue.pending = append(s.queue.pending, message)
	s.recordStatistics()
	s.wake()
}

// next returns the message for a poll that has seen last: one that was not acknowledged is given again to who has not
// seen it ("Unacknowledged messages are redelivered on the next poll"; README, "Message Acknowledgment"), else what is
// new.
func (q *messageQueue) next(last int) (batch, bool) {
	for _, b := range q.sent {
		if b.id > last || q.redelivers {
			return b, true
		}
	}
	if len(q.pending) == 0 {
		return batch{}, false
	}
	n := min(len(q.pending), maxBatch)
	q.lastID++
	b := batch{id: q.lastID, jobs: slices.Clone(q.pending[:n])}
	q.pending = q.pending[n:]
	q.sent = append(q.sent, b)
	return b, true
}

// has reports whether there is a message for a client that has seen last.
func (q *messageQueue) has(last int) bool {
	return len(q.pending) > 0 ||
		slices.ContainsFunc(q.sent, func(b batch) bool { return b.id > last || q.redelivers })
}

// jobMessages is the only type of messages that clients know.
const jobMessages = "RunnerScaleSetJobMessages"

// PushMessage gives a set a message of another type than those about jobs, without a body. Older listeners passed over
// such a message and acknowledged it (actions-runner-controller, cmd/githubrunnerscalesetlistener/autoScalerService.go:
// "skip message with unknown message type").
func (w *World) PushMessage(set, kind string) {
	w.enter()
	defer w.mu.Unlock()
	s := w.hub.setNamed(set)
	s.queue.lastID++
	s.queue.sent = append(s.queue.sent, batch{id: s.queue.lastID, kind: kind, jobs: []map[string]any{}})
	s.wake()
}

// lastSeen returns the id of the last message that the poll's client has seen.
func (call *actionsCall) lastSeen() int {
	id, _ := strconv.Atoi(call.req.URL.Query().Get("lastMessageId")) // none is 0: all that is there
	return id
}

// pollReady reports whether a poll can be answered now, and returns the channel that is closed when that may change.
// Its first call takes over the poll's capacity: a new one takes effect with the next poll. It is assumed, as the worst
// case, that the service does not notice when a poll's client is gone: the session lives on until the poll would have
// ended.
func (call *actionsCall) pollReady(r *actionsRoute) (bool, <-chan struct{}) {
	if _, ok := call.allowed(r); !ok {
		return true, nil
	}
	if !call.admitted {
		call.admitted = true
		call.set.capacity = call.maxCapacity()
		call.session.touch(call.w.now.Add(call.w.scaled(call.w.cfg.Timing.LongPoll)))
		call.assignSets()
	}
	return call.set.queue.has(call.lastSeen()), call.set.changed
}

// maxCapacity returns how many jobs the poll requests; without the header it is unlimited.
func (call *actionsCall) maxCapacity() int {
	text := call.req.Header.Get("X-ScaleSetMaxCapacity")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		if text != "" {
			call.w.wonder("X-ScaleSetMaxCapacity is %q", text)
		}
		return 1 << 30
	}
	return n
}

// getMessage: 200 with a message, 202 with none (session_client.go of actions/scaleset, getMessage).
func getMessage(call *actionsCall) answer {
	call.session.seen = call.w.now // and not the end that the poll might have had
	b, ok := call.set.queue.next(call.lastSeen())
	if !ok {
		return answer{status: http.StatusAccepted, header: http.Header{}}
	}
	body, err := json.Marshal(b.jobs)
	if err != nil {
		panic("simulator: encode job messages: " + err.Error())
	}
	return actionsJSON(http.StatusOK, map[string]any{"messageId": b.id, "messageType": orText(b.kind, jobMessages),
		"body": string(body), "statistics": call.set.shownStatistics()})
}

// deleteMessage acknowledges a message. One that is gone already is no error, as for any DELETE that is repeated
// (assumed, as the emulator has it).
func deleteMessage(call *actionsCall) answer {
	id, err := strconv.Atoi(call.params["message"])
	if err != nil {
		return actionsError(http.StatusBadRequest, "VssPropertyValidationException",
			fmt.Sprintf("The message identifier %s is not valid.", call.params["message"]))
	}
	call.set.queue.sent = slices.DeleteFunc(call.set.queue.sent, func(b batch) bool { return b.id == id })
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

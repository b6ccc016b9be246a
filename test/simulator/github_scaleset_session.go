package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// session is a listener's hold on a set: there is one at a time.
type session struct {
	id, owner string
	token     string
	expires   time.Time // of the token, by GitHub's clock
	// seen is when the holder made its last call. A poll counts until its end, even if its client is gone.
	seen time.Time
}

// live returns the set's session, nil if there is none or one that has lapsed.
func (s *scaleSet) live() *session {
	if s.session != nil && s.hub.w.now.Before(s.session.seen.Add(s.hub.w.scaled(s.hub.w.cfg.ScaleSets.SessionLapse))) {
		return s.session
	}
	return nil
}

// touch notes a call of the holder.
func (s *session) touch(at time.Time) {
	if at.After(s.seen) {
		s.seen = at
	}
}

// sessionJSON is RunnerScaleSetSession (types.go of actions/scaleset).
func (call *actionsCall) sessionJSON() map[string]any {
	s, n := call.set.session, call.set.shownStatistics()
	shown := call.set.json(call.base)
	shown.Statistics = nil
	return map[string]any{"sessionId": s.id, "ownerName": s.owner, "runnerScaleSet": shown, "statistics": n,
		"messageQueueUrl": fmt.Sprintf("%s_apis/runtime/runnerscalesets/%d/messages?sessionId=%s", call.base,
			call.set.id, s.id),
		"messageQueueAccessToken": s.token}
}

// renew replaces the token of the session.
func (call *actionsCall) renew(s *session) {
	s.expires = call.clock().Add(call.w.cfg.ScaleSets.QueueTokenLifetime)
	s.token = call.webToken(s.expires)
	s.touch(call.w.now)
}

// createSession refuses a second session, in the words of
// https://github.com/actions/actions-runner-controller/issues/4285
func createSession(call *actionsCall) answer {
	var in struct {
		Owner string `json:"ownerName"`
	}
	if json.Unmarshal(call.body, &in) != nil || in.Owner == "" {
		return actionsError(http.StatusBadRequest, "VssPropertyValidationException", "An owner name is required.")
	}
	if live := call.set.live(); live != nil {
		words := fmt.Sprintf("The actions runner scaleset %s already has an active session.", call.set.name)
		if call.w.cfg.ScaleSets.NamesOwner {
			words = fmt.Sprintf("The runner scale set %s already has an active session for owner %s.", call.set.name,
				live.owner)
		}
		return actionsError(http.StatusConflict, "RunnerScaleSetSessionConflictException", words)
	}
	h := call.w.hex(32)
	call.set.session = &session{owner: in.Owner,
		id: fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])}
	call.set.capacity = 0 // until the new holder polls
	call.renew(call.set.session)
	call.set.wake() // a poll of the session that lapsed
	return actionsJSON(http.StatusOK, call.sessionJSON())
}

// refreshSession returns the session with a new token. The refusal's words are those of
// https://github.com/actions/scaleset/pull/123
func refreshSession(call *actionsCall) answer {
	s := call.set.live()
	if s == nil || s.id != call.params["session"] {
		return actionsError(http.StatusNotFound, "RunnerAdminException",
			"runner referenced a session ID that doesn't exist in redis")
	}
	call.renew(s)
	return actionsJSON(http.StatusOK, call.sessionJSON())
}

func deleteSession(call *actionsCall) answer {
	s := call.set.live()
	if s == nil || s.id != call.params["session"] {
		return noSession(call.params["session"])
	}
	call.set.dropSession()
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

func (s *scaleSet) dropSession() {
	s.session, s.capacity = nil, 0
	s.wake()
}

// noSession refuses a session that is over, in the words of
// https://github.com/actions/actions-runner-controller/issues/4285
func noSession(id string) answer {
	return actionsError(http.StatusBadRequest, "RunnerScaleSetSessionExpiredException",
		fmt.Sprintf("The session identifier %s is not valid.", id))
}

// ofSession checks a call to the message queue, which needs the session's own token: after a 401 the client requests
// another one (session_client.go of actions/scaleset, GetMessage).
func (call *actionsCall) ofSession() (answer, bool) {
	if call.set == nil || call.set.gone {
		return call.noSet(), false
	}
	s := call.set.live()
	id := call.req.URL.Query().Get("sessionId")
	if s == nil || (id != "" && id != s.id) {
		return noSession(id), false
	}
	if !call.admitted && (call.x.caller != s.token || !call.clock().Before(s.expires)) {
		return actionsError(http.StatusUnauthorized, "VssUnauthorizedException",
			"The message queue's token is expired or unknown."), false
	}
	call.session = s
	s.touch(call.w.now)
	return answer{}, true
}

// DropSession ends the session of a set without notice to its holder. It reports whether there was one.
func (w *World) DropSession(set string) bool {
	w.enter()
	defer w.mu.Unlock()
	s := w.hub.setNamed(set)
	if s == nil || s.live() == nil {
		return false
	}
	s.dropSession()
	return true
}

// ExpireQueueToken makes the token of a set's session expire now. It reports whether there was a session.
func (w *World) ExpireQueueToken(set string) bool {
	w.enter()
	defer w.mu.Unlock()
	s := w.hub.setNamed(set)
	if s == nil || s.live() == nil {
		return false
	}
	s.session.expires = w.hub.clock()
	return true
}

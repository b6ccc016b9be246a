package simulator

import "net/http"

// noQueueURL is a Fault.Code for CreateMessageSession and RefreshMessageSession: they succeed without the address of
// the message queue. It was seen during an incident at GitHub:
// https://github.com/actions/actions-runner-controller/issues/4370
const noQueueURL = "no-queue-url"

// noStatistics is a Fault.Code for CreateMessageSession: it succeeds, and its answer has no statistics, which the
// client looks out for (listener/listener.go of actions/scaleset, Run: "session statistics is nil").
const noStatistics = "no-statistics"

// actionsFault returns the weather's answer in the service's place: Fault.Code is the name of an exception. Two of them
// also take effect: RunnerScaleSetSessionExpiredException drops the session, RunnerScaleSetNotFoundException the set,
// as GitHub lost sets in https://github.com/actions/actions-runner-controller/issues/4370.
func (h *hub) actionsFault(x *exchange) answer {
	f := *x.fault
	s := h.setNamed(x.params["set"])
	switch {
	case s == nil:
	case f.Code == "RunnerScaleSetSessionExpiredException":
		s.dropSession()
	case f.Code == "RunnerScaleSetNotFoundException":
		h.deleteSet(s)
	case f.Code == noStatistics && s.live() != nil:
		shown := (&actionsCall{hub: h, set: s, base: "https://" + actionsHost + actionsBase}).sessionJSON()
		delete(shown, "statistics")
		return actionsJSON(http.StatusOK, shown)
	case f.Code == noQueueURL && s.live() != nil:
		return actionsJSON(http.StatusOK, map[string]any{"sessionId": s.session.id, "ownerName": s.session.owner,
			"messageQueueUrl": "", "messageQueueAccessToken": "", "statistics": s.shownStatistics()})
	}
	a := actionsError(f.actionsStatus(), orText(f.Code, "VssServiceException"), orText(f.Message,
		http.StatusText(f.actionsStatus())))
	if f.Effect == EffectThrottle {
		a.header.Set("Retry-After", secondaryWait)
	}
	return a
}

// actionsStatus returns the fault's status, or the one that the service uses for its code.
func (f Fault) actionsStatus() int {
	switch {
	case f.Status != 0:
		return f.Status
	case f.Effect == EffectThrottle:
		return http.StatusTooManyRequests
	case f.Code == "RunnerScaleSetSessionExpiredException":
		return http.StatusBadRequest
	case f.Code == "RunnerScaleSetNotFoundException":
		return http.StatusNotFound
	case f.Code == "RunnerScaleSetSessionConflictException":
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

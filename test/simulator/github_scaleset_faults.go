package simulator

import "net/http"

// actionsFault is what weather answers in the service's place: Fault.Code is the name of an exception, such as
// RunnerScaleSetSessionExpiredException.
func actionsFault(f Fault) answer {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
		if f.Effect == EffectThrottle {
			status = http.StatusTooManyRequests
		}
	}
	a := actionsError(status, orText(f.Code, "VssServiceException"), orText(f.Message, http.StatusText(status)))
	if f.Effect == EffectThrottle {
		a.header.Set("Retry-After", secondaryWait)
	}
	return a
}

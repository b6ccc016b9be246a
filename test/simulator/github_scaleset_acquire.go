package simulator

import (
	"encoding/json"
	"net/http"
)

// acquireJobs assigns available jobs to the set that asks for them (session_client.go of actions/scaleset,
// AcquireJobs). It answers those that the set has got; another set may have been faster.
func acquireJobs(call *actionsCall) answer {
	var asked []int64
	if json.Unmarshal(call.body, &asked) != nil || asked == nil {
		return actionsError(http.StatusBadRequest, "VssPropertyValidationException", "The body cannot be read.")
	}
	var got []int64
	for _, number := range asked {
		if number < 1 || number > int64(len(call.jobs)) {
			continue
		}
		j := call.jobs[number-1]
		if j.setJob == nil || !call.set.takes(j.setJob) {
			continue
		}
		if j.state.State == jobQueued {
			call.assignTo(call.set, j)
		}
		if j.set == call.set && (j.state.State == jobAssigned || j.state.State == jobRunning) {
			got = append(got, number)
		}
	}
	call.assignSets()
	return actionsJSON(http.StatusOK, list(got))
}

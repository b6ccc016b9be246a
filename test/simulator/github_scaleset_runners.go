package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// agentJSON is RunnerReference (types.go of actions/scaleset).
type agentJSON struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Set  int    `json:"runnerScaleSetId"`
}

func (r *runner) agent() agentJSON {
	out := agentJSON{ID: r.id, Name: r.name}
	if r.set != nil {
		out.Set = r.set.id
	}
	return out
}

// looksIdle reports whether GitHub takes the runner for idle while its job runs.
func (r *runner) looksIdle() bool { return r.set != nil && r.set.hub.w.cfg.ScaleSets.LooksIdle }

// generateSetJIT registers a single-use runner of the set (client.go of actions/scaleset, GenerateJitRunnerConfig). The
// client tells AgentExistsException, AgentNotFoundException and JobStillRunningException apart (errors.go).
func generateSetJIT(call *actionsCall) answer {
	var in struct {
		Name string `json:"name"`
		Work string `json:"workFolder"`
	}
	switch {
	case json.Unmarshal(call.body, &in) != nil, !goodName(in.Name):
		return actionsError(http.StatusBadRequest, "VssPropertyValidationException",
			fmt.Sprintf("The runner name %q is not valid.", in.Name))
	case call.scope.byName[strings.ToLower(in.Name)] != nil:
		return actionsError(http.StatusConflict, "TaskAgentExistsException",
			fmt.Sprintf("A runner with the name %s already exists.", in.Name))
	}
	r := call.register(call.scope, in.Name, call.set.labels)
	r.set, r.jit, r.ephemeral, r.group, r.os = call.set, true, true, call.set.group, osUnknown
	r.blob = call.newBlob(r)
	call.blobs[jitKey(r.blob)] = r
	call.set.runners = append(call.set.runners, r)
	call.set.recordStatistics()
	return actionsJSON(http.StatusOK, map[string]any{"runner": r.agent(), "encodedJITConfig": r.blob})
}

// findAgent finds runners by name, as late as GitHub's other answers show them.
func findAgent(call *actionsCall) answer {
	var found []agentJSON
	name := call.req.URL.Query().Get("agentName")
	if r := call.scope.byName[strings.ToLower(name)]; r != nil && call.shown(r) {
		found = append(found, r.agent())
	}
	return actionsJSON(http.StatusOK, list(found))
}

// agent finds the runner of a path; with unseen it counts from its registration on.
func (call *actionsCall) agent(unseen bool) *runner {
	id, _ := strconv.ParseInt(call.params["agent"], 10, 64) // no number is nobody's id
	r := call.scope.byID[id]
	if r == nil || (!unseen && !call.shown(r)) {
		return nil
	}
	return r
}

func (call *actionsCall) noAgent() answer {
	return actionsError(http.StatusNotFound, "TaskAgentNotFoundException",
		fmt.Sprintf("No runner with identifier %s exists.", call.params["agent"]))
}

func getAgent(call *actionsCall) answer {
	if r := call.agent(false); r != nil {
		return actionsJSON(http.StatusOK, r.agent())
	}
	return call.noAgent()
}

func removeAgent(call *actionsCall) answer {
	r := call.agent(true)
	switch {
	case r == nil:
		return call.noAgent()
	case r.busy && !r.looksIdle():
		return actionsError(http.StatusBadRequest, "TaskAgentJobStillRunningException",
			fmt.Sprintf("Runner %q is still running a job", r.name))
	}
	call.remove(r)
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// actionsRoute is one operation of the scale-set service, with the name of the client's method (client.go and
// session_client.go of actions/scaleset).
type actionsRoute struct {
	method, path string
	operation    string
	run          func(*actionsCall) answer
	// queue marks operations that need the session's token instead of the admin token.
	queue bool
}

var actionsRoutes table[actionsRoute]

func init() {
	const sets, agents = "_apis/runtime/runnerscalesets", "_apis/distributedtask/pools/0/agents"
	for _, r := range []actionsRoute{
		{"GET", "_apis/runtime/runnergroups", "GetRunnerGroupByName", findGroup, false},
		{"GET", sets, "GetRunnerScaleSet", findScaleSet, false},
		{"POST", sets, "CreateRunnerScaleSet", createScaleSet, false},
		{"GET", sets + "/{set}", "GetRunnerScaleSetByID", getScaleSet, false},
		{"PATCH", sets + "/{set}", "UpdateRunnerScaleSet", updateScaleSet, false},
		{"DELETE", sets + "/{set}", "DeleteRunnerScaleSet", deleteScaleSet, false},
		{"POST", sets + "/{set}/sessions", "CreateMessageSession", createSession, false},
		{"PATCH", sets + "/{set}/sessions/{session}", "RefreshMessageSession", refreshSession, false},
		{"DELETE", sets + "/{set}/sessions/{session}", "DeleteMessageSession", deleteSession, false},
		{"GET", sets + "/{set}/messages", "GetMessage", getMessage, true},
		{"DELETE", sets + "/{set}/messages/{message}", "DeleteMessage", deleteMessage, true},
		{"POST", sets + "/{set}/acquirejobs", "AcquireJobs", acquireJobs, true},
		{"POST", sets + "/{set}/generatejitconfig", "GenerateJitRunnerConfig", generateSetJIT, false},
		{"GET", agents, "GetRunnerByName", findAgent, false},
		{"GET", agents + "/{agent}", "GetRunner", getAgent, false},
		{"DELETE", agents + "/{agent}", "RemoveRunner", removeAgent, false},
	} {
		actionsRoutes.add(r.method, r.path, r)
	}
}

// understandActions finds the operation of a request to the scale-set service.
func (h *hub) understandActions(req *http.Request, body []byte) *exchange {
	x := h.exchange(serviceActions, req, body)
	base, path := actionsPath(req.URL.Path)
	call := &actionsCall{hub: h, x: x, req: req, body: body, base: req.URL.Scheme + "://" + req.URL.Host + base}
	if r, params := actionsRoutes.find(req.Method, strings.TrimSuffix(path, "/")); r != nil {
		call.params = params
		x.operation = r.operation
		call.place()
		x.act = func() answer { return call.act(r) }
		if r.operation == "GetMessage" {
			x.poll = func() (bool, <-chan struct{}) { return call.pollReady(r) }
		}
		return x
	}
	x.operation = req.Method + " " + path
	x.act = func() answer {
		h.w.wonder("unknown operation of the scale-set service: %s %s", req.Method, path)
		return actionsError(http.StatusNotFound, "VssServiceException", "No such resource.")
	}
	return x
}

// actionsPath splits a path into that of the service, /rest/ at GitHub and /_services/pipelines/TENANT/ on an
// Enterprise Server, and the rest.
func actionsPath(path string) (base, rest string) {
	if after, ok := strings.CutPrefix(path, actionsOnGHES); ok {
		tenant, rest, _ := strings.Cut(after, "/")
		return actionsOnGHES + tenant + "/", rest
	}
	return actionsBase, strings.TrimPrefix(path, actionsBase)
}

// place finds the scope of the caller's token and the set of the path. Faults and the journal use them too.
func (call *actionsCall) place() {
	for _, s := range call.sets {
		if strconv.Itoa(s.id) != call.params["set"] {
			continue
		}
		call.set = s
		call.x.scope, call.x.params["set"] = s.scope.name, s.name
	}
	if t := call.adminTokens[call.x.caller]; t != nil {
		call.scope, call.x.scope = t.scope, t.scope.name
	}
}

// act answers one call: it checks the token and the set, and then runs the route.
func (call *actionsCall) act(r *actionsRoute) answer {
	if refusal, ok := call.allowed(r); !ok {
		return refusal
	}
	return r.run(call)
}

func (call *actionsCall) allowed(r *actionsRoute) (answer, bool) {
	switch {
	case call.w.cfg.ScaleSets.Missing == "endpoint":
		return answer{status: http.StatusNotFound, header: http.Header{}}, false
	case !strings.Contains(call.req.URL.RawQuery, "api-version=") && !r.queue:
		call.w.wonder("%s has no api-version", r.operation)
		return actionsError(http.StatusBadRequest, "VssVersionNotSpecifiedException",
			"No api-version was supplied for the request."), false
	case r.queue:
		return call.ofSession()
	}
	t := call.adminTokens[call.x.caller]
	if !t.good(call.clock()) {
		return actionsError(http.StatusUnauthorized, "VssUnauthorizedException", "The token is expired or unknown."),
			false
	}
	if _, named := call.params["set"]; named && (call.set == nil || call.set.gone || call.set.scope != t.scope) {
		return call.noSet(), false
	}
	return answer{}, true
}

// noSet returns the answer if no set has the id of the path.
func (call *actionsCall) noSet() answer {
	return actionsError(http.StatusNotFound, "RunnerScaleSetNotFoundException",
		"No runner scale set found with identifier "+call.params["set"]+".")
}

// actionsJSON returns an answer of the scale-set service.
func actionsJSON(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic("simulator: encode answer: " + err.Error())
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: body}
}

// list returns values in the form of the service.
func list[T any](values []T) map[string]any {
	if values == nil {
		values = []T{}
	}
	return map[string]any{"count": len(values), "value": values}
}

// actionsError returns an exception of the service. The client reads typeName and message (errors.go of
// actions/scaleset, newRequestResponseError). The names of the service's own exceptions contain namespace and assembly,
// such as "GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, GitHub.Actions.Runtime.WebApi":
// https://github.com/actions/actions-runner-controller/issues/4285
func actionsError(status int, exception, message string) answer {
	const runtime, tasks = "GitHub.Actions.Runtime.WebApi", "GitHub.DistributedTask.WebApi"
	name := exception
	switch {
	case strings.HasPrefix(exception, "RunnerScaleSet"):
		name = runtime + "." + exception + ", " + runtime
	case strings.HasPrefix(exception, "TaskAgent"):
		name = tasks + "." + exception + ", " + tasks
	}
	a := actionsJSON(status, map[string]any{"$id": "1", "innerException": nil, "message": message, "typeName": name,
		"typeKey": exception, "errorCode": 0, "eventId": 3000})
	a.header.Set("ActivityId", "5ddf2050-dae0-013c-9159-04421ad31b68")
	a.code = exception
	return a
}

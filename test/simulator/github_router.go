package simulator

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// hubCall is one call to GitHub under way, with the world locked.
type hubCall struct {
	*hub
	x     *exchange
	req   *http.Request
	body  []byte
	token *Token
	// app is who calls by a JSON web token, installed by an installation token: one of the three is set.
	app       *app
	installed *installationToken
	scope     *scope // nil outside of scopes
	params    map[string]string
	base      string // address of the API as the client wrote it
}

// need is what a token must be allowed for a route.
type need int

const (
	needToken   need = iota // any that GitHub knows
	needAdmin               // may manage the scope's runners
	needActions             // actions: read on the repository, or write for what changes something
	needApp                 // a JSON web token of an App
	needNothing             // the route looks itself
)

// route is one operation of GitHub's API. A path holds {scope} for the three places where runners live, and the
// operation the word SCOPE, for which the OpenAPI description says "repo", "org" or "enterprise".
type route struct {
	method, path string
	operation    string
	need         need
	run          func(*hubCall) answer
}

var routes table[route]

func init() {
	for _, r := range []route{
		{"GET", "/app", "apps/get-authenticated", needApp, getApp},
		{"GET", "{scope}/installation", "apps/get-SCOPE-installation", needApp, getInstallation},
		{"POST", "/app/installations/{installation_id}/access_tokens", "apps/create-installation-access-token", needApp,
			createInstallationToken},
		{"DELETE", "/installation/token", "apps/revoke-installation-access-token", needToken, revokeInstallationToken},
		{"POST", "/actions/runner-registration", "actions/runner-registration", needNothing, connectActions},
		{"GET", "/rate_limit", "rate-limit/get", needToken, rateLimit},
		{"GET", "{scope}/actions/runners", "actions/list-self-hosted-runners-for-SCOPE", needAdmin, listRunners},
		{"GET", "{scope}/actions/runners/downloads", "actions/list-runner-applications-for-SCOPE", needAdmin,
			listDownloads},
		{"POST", "{scope}/actions/runners/registration-token", "actions/create-registration-token-for-SCOPE", needAdmin,
			createToken},
		{"POST", "{scope}/actions/runners/generate-jitconfig", "actions/generate-runner-jitconfig-for-SCOPE", needAdmin,
			generateJIT},
		{"GET", "{scope}/actions/runners/deprecations/{version}", "actions/get-runner-version-deprecation-for-SCOPE",
			needAdmin, getDeprecation},
		{"GET", "{scope}/actions/runners/{runner_id}", "actions/get-self-hosted-runner-for-SCOPE", needAdmin,
			getRunner},
		{"DELETE", "{scope}/actions/runners/{runner_id}", "actions/delete-self-hosted-runner-from-SCOPE", needAdmin,
			deleteRunner},
		{"DELETE", "{scope}/actions/runners/{runner_id}/labels/{name}",
			"actions/remove-custom-label-from-self-hosted-runner-for-SCOPE", needAdmin, removeLabel},
		{"GET", "/orgs/{org}/actions/runner-groups", "actions/list-self-hosted-runner-groups-for-org", needAdmin,
			listGroups},
		{"GET", "/orgs/{org}/actions/runner-groups/{runner_group_id}", "actions/get-self-hosted-runner-group-for-org",
			needAdmin, getGroup},
		{"GET", "/enterprises/{enterprise}/actions/runner-groups",
			"enterprise-admin/list-self-hosted-runner-groups-for-enterprise", needAdmin, listGroups},
		{"GET", "/enterprises/{enterprise}/actions/runner-groups/{runner_group_id}",
			"enterprise-admin/get-self-hosted-runner-group-for-enterprise", needAdmin, getGroup},
		{"GET", "/repos/actions/runner/releases/latest", "repos/get-latest-release", needToken, getRelease},
		{"GET", "/repos/actions/runner/releases/tags/{tag}", "repos/get-release-by-tag", needToken, getRelease},
		{"GET", "/repos/{owner}/{repo}/actions/runs", "actions/list-workflow-runs-for-repo", needActions, listRuns},
		{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}", "actions/get-workflow-run", needActions, getRun},
		{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", "actions/list-jobs-for-workflow-run", needActions,
			listJobs},
		{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
			"actions/list-jobs-for-workflow-run-attempt", needActions, listAttemptJobs},
		{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun", "actions/re-run-workflow", needActions, rerunRun},
		{"POST", "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun", "actions/re-run-job-for-workflow-run",
			needActions, rerunJob},
	} {
		addRoute(r)
	}
}

// addRoute adds a route, three times over if it has a {scope}.
func addRoute(r route) {
	for _, place := range []struct{ path, word string }{
		{"/repos/{owner}/{repo}", "repo"}, {"/orgs/{org}", "org"}, {"/enterprises/{enterprise}", "enterprise"},
	} {
		one := r
		one.path = strings.ReplaceAll(r.path, "{scope}", place.path)
		one.operation = strings.ReplaceAll(r.operation, "SCOPE", place.word)
		if place.word == "enterprise" && !strings.HasSuffix(one.operation, "jitconfig-for-enterprise") {
			one.operation = strings.ReplaceAll(one.operation, "actions/", "enterprise-admin/")
		}
		routes.add(one.method, one.path, one)
		if one.path == r.path {
			return
		}
	}
}

func (h *hub) understand(req *http.Request, body []byte) *exchange {
	x := h.exchange(serviceGitHub, req, body)
	x.caller = callerOf(x.caller)
	path := req.URL.Path
	call := &hubCall{hub: h, x: x, req: req, body: body, base: req.URL.Scheme + "://" + req.URL.Host}
	if rest, ok := strings.CutPrefix(path, gheBase); ok {
		path, call.base = rest, call.base+gheBase
	}
	x.scope = scopeOfPath(path)
	if r, params := routes.find(req.Method, path); r != nil {
		call.params = params
		maps.Copy(x.params, params)
		x.operation = r.operation
		x.act = func() answer { return call.act(r, path) }
		return x
	}
	x.operation = req.Method + " " + path
	x.act = func() answer {
		h.w.wonder("unknown GitHub operation %s %s", req.Method, path)
		return call.finish(hubError(http.StatusNotFound, "Not Found"))
	}
	return x
}

// scopeOfPath names the scope of an address: "owner/repo", "org", "enterprises/name", or "".
func scopeOfPath(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(parts) >= 3 && parts[0] == "repos":
		return parts[1] + "/" + parts[2]
	case len(parts) >= 2 && parts[0] == "orgs":
		return parts[1]
	case len(parts) >= 2 && parts[0] == "enterprises":
		return parts[0] + "/" + parts[1]
	}
	return ""
}

// act answers one call: who is it, is it too fast, may it, and then the route itself.
func (call *hubCall) act(r *route, path string) answer {
	if r.need == needNothing {
		return call.finish(r.run(call))
	}
	if refusal, ok := call.authenticate(r.need); !ok {
		return refusal
	}
	if refusal, ok := call.charge(call.x, call.req.Method, path); !ok {
		return refusal
	}
	if refusal, ok := call.permitted(r.need); !ok {
		return call.finish(refusal)
	}
	if call.x.scope != "" {
		call.scope = call.hub.scope(call.x.scope)
	}
	return call.finish(r.run(call))
}

// permitted returns a token that may not: 403 where it may at least see the place, 404 where it may not.
func (call *hubCall) permitted(n need) (answer, bool) {
	switch {
	case call.app != nil:
		return answer{}, true
	case call.installed != nil:
		return call.mayAsApp(n)
	}
	may := func(patterns []string) bool {
		return slices.ContainsFunc(patterns,
			func(p string) bool { return wildcard(strings.ToLower(p), strings.ToLower(call.x.scope)) })
	}
	admin, sees := may(call.token.Admin), may(call.token.Read)
	if strings.Contains(call.x.scope, "/") && !strings.HasPrefix(call.x.scope, "enterprises/") &&
		!slices.Contains(call.w.cfg.Repositories, call.x.scope) {
		admin, sees = false, false
	}
	switch {
	case n == needToken, n == needAdmin && admin:
		return answer{}, true
	case n == needActions && (admin || sees) && call.token.Actions && (call.req.Method == http.MethodGet ||
		call.token.Rerun):
		return answer{}, true
	case admin || sees:
		return hubError(http.StatusForbidden, "Resource not accessible by personal access token"), false
	}
	return hubError(http.StatusNotFound, "Not Found"), false
}

// finish adds what every answer of GitHub carries: limits, an ETag and, to a client that has this very answer already,
// 304.
func (call *hubCall) finish(a answer) answer {
	if call.req.Method == http.MethodGet && a.status == http.StatusOK {
		sum := fnv.New64a()
		_, _ = sum.Write(a.body) // a hash takes everything
		tag := fmt.Sprintf(`"%016x"`, sum.Sum64())
		if match := call.req.Header.Get("If-None-Match"); match == tag || match == "W/"+tag {
			call.refund(call.x.caller)
			a = answer{status: http.StatusNotModified, header: a.header}
		}
		a.header.Set("ETag", tag)
	}
	call.limitHeaders(a.header, call.x.caller)
	a.header.Set("X-Github-Request-Id", strings.ToUpper(call.w.hex(20)))
	if call.token != nil && call.token.Scopes != "" {
		a.header.Set("X-OAuth-Scopes", call.token.Scopes)
	}
	if call.token != nil && call.token.ExpiresIn > 0 {
		a.header.Set("GitHub-Authentication-Token-Expiration", call.w.born.Add(call.w.cfg.GitHubClock+
			call.token.ExpiresIn).UTC().Format("2006-01-02 15:04:05 MST"))
	}
	return a
}

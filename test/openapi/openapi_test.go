package openapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/openapi"
)

const (
	repo       = "/repos/demo-org/demo/actions"
	org        = "/orgs/demo-org/actions"
	enterprise = "/enterprises/demo/actions"

	runner = `{"id":7,"name":"ec2-a","os":"linux","status":"online","busy":false,` +
		`"labels":[{"id":1,"name":"a","type":"custom"}]}`
	jit     = `{"runner":` + runner + `,"encoded_jit_config":"e30="}`
	token   = `{"token":"T","expires_at":"2026-11-23T12:00:00Z"}`
	notSeen = `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`
)

// exchange is a request and its answer; want is "" where the description allows both, else a part
// of the complaint.
type exchange struct {
	name, method, path, body string
	status                   int
	answer, want             string
}

func TestCheck(t *testing.T) {
	for _, scope := range []string{repo, org, enterprise, "/api/v3" + org} {
		checkAll(t, scope, []exchange{
			{"list", "GET", "/runners?name=a&per_page=100", "", 200, `{"total_count":1,"runners":[` + runner + `]}`,
				""},
			{"list, a page", "GET", "/runners?page=2", "", 200, `{"total_count":0,"runners":[]}`, ""},
			{"list of a runner without labels", "GET", "/runners", "", 200,
				`{"total_count":1,"runners":[{"id":7,"name":"a","os":"linux","status":"online","busy":false}]}`,
				"labels"},
			{"list, busy as text", "GET", "/runners", "", 200, strings.Replace(`{"total_count":1,"runners":[`+runner+
				`]}`,
				"false", `"no"`, 1), "busy"},
			{"list with a misspelt parameter", "GET", "/runners?perpage=100", "", 200, `{"total_count":0,"runners":[]}`,
				`"perpage"`},
			{"list, page as text", "GET", "/runners?page=two", "", 200, `{"total_count":0,"runners":[]}`, "page"},
			{"get", "GET", "/runners/7", "", 200, runner, ""},
			{"get, not to be seen", "GET", "/runners/7", "", 404, notSeen, ""},
			{"get, an error without a message", "GET", "/runners/7", "", 401, `{}`, "message"},
			{"get, an error that is no JSON", "GET", "/runners/7", "", 403, `<html>`, "error object"},
			{"get, a proxy's error", "GET", "/runners/7", "", 502, `<html>`, ""},
			{"get, unchanged", "GET", "/runners/7", "", 304, ``, ""},
			{"get, unchanged with a body", "GET", "/runners/7", "", 304, runner, "no body"},
			{"get by name", "GET", "/runners/ec2-a", "", 200, runner, "runner_id"},
			{"delete", "DELETE", "/runners/7", "", 204, "", ""},
			{"delete with a body", "DELETE", "/runners/7", "", 204, "{}", "no body"},
			{"delete answered 200", "DELETE", "/runners/7", "", 200, "{}", "status"},
			{"token", "POST", "/runners/registration-token", "", 201, token, ""},
			{"token answered 200", "POST", "/runners/registration-token", "", 200, token, "status"},
			{"token with a date that is none", "POST", "/runners/registration-token", "", 201,
				`{"token":"T","expires_at":"soon"}`, "expires_at"},
			{"jit", "POST", "/runners/generate-jitconfig",
				`{"name":"ec2-a","runner_group_id":1,"labels":["a"],"work_folder":"_work"}`, 201, jit, ""},
			{"jit without labels", "POST", "/runners/generate-jitconfig",
				`{"name":"ec2-a","runner_group_id":1,"labels":[]}`,
				201, jit, "labels"},
			{"jit without a group", "POST", "/runners/generate-jitconfig", `{"name":"ec2-a","labels":["a"]}`, 201, jit,
				"runner_group_id"},
			{"jit with an unknown field", "POST", "/runners/generate-jitconfig",
				`{"name":"ec2-a","runner_group_id":1,"labels":["a"],"group":2}`, 201, jit, "group"},
			{"jit without a body", "POST", "/runners/generate-jitconfig", ``, 201, jit, "request"},
			{"jit, name taken", "POST", "/runners/generate-jitconfig",
				`{"name":"ec2-a","runner_group_id":1,"labels":["a"]}`,
				409, notSeen, ""},
			{"downloads", "GET", "/runners/downloads", "", 200,
				`[{"os":"linux","architecture":"x64","download_url":"https://h/r.tar.gz","filename":"r.tar.gz",` +
					`"sha256_checksum":"0a"}]`, ""},
			{"downloads without an address", "GET", "/runners/downloads", "", 200,
				`[{"os":"linux","architecture":"x64","filename":"r"}]`, "download_url"},
			{"deprecations", "GET", "/runners/deprecations/2.300.0", "", 200,
				`{"runner_version":"2.300.0","runtime_deprecates_at":null}`, ""},
			{"an operation that GitHub has not", "GET", "/runners/7/restart", "", 200, `{}`, "find operation"},
			{"a method that GitHub has not", "PUT", "/runners/7", "", 200, `{}`, "find operation"},
		})
	}
	for _, scope := range []string{org, enterprise} {
		checkAll(t, scope, []exchange{
			{"groups", "GET", "/runner-groups?per_page=100", "", 200, `{"total_count":0,"runner_groups":[]}`, ""},
			{"groups without a total", "GET", "/runner-groups", "", 200, `{"runner_groups":[]}`, "total_count"},
			{"a group that is not there", "GET", "/runner-groups/1", "", 404, notSeen, ""},
		})
	}
	// The description of enterprises does not demand the total.
	for _, scope := range []string{repo, org} {
		checkAll(t, scope, []exchange{
			{"list without a total", "GET", "/runners", "", 200, `{"runners":[]}`, "total_count"},
		})
	}
	const asked = "/app/installations/1/access_tokens"
	checkAll(t, "", []exchange{
		{"installation token", "POST", asked, `{"repositories":["demo"],"permissions":{"administration":"write"}}`, 201,
			`{"token":"T","expires_at":"2026-11-23T12:00:00Z"}`, ""},
		{"installation token without an end", "POST", asked, `{}`, 201, `{"token":"T"}`, "expires_at"},
		{"installation token with a misspelt permission", "POST", asked, `{"permissions":{"administrations":"write"}}`,
			201,
			token, "administrations"},
		{"installation token with a level that is none", "POST", asked, `{"permissions":{"administration":"all"}}`, 201,
			token, "administration"},
		{"installation token with an unknown field", "POST", asked, `{"repository":["demo"]}`, 201, token,
			"repository"},
		{"installation, not there", "GET", "/repos/demo-org/demo/installation", "", 404, notSeen, ""},
		{"installation of an organization without anything", "GET", "/orgs/demo-org/installation", "", 200, `{}`,
			"missing"},
		{"installation of an enterprise without anything", "GET", "/enterprises/demo/installation", "", 200, `{}`,
			"missing"},
		{"the App without anything", "GET", "/app", "", 200, `{}`, "missing"},
		{"limits without resources", "GET", "/rate_limit", "", 200,
			`{"rate":{"limit":1,"remaining":1,"reset":1,"used":0}}`,
			"resources"},
		{"a run without anything", "GET", repo + "/runs/1", "", 200, `{}`, "missing"},
		{"a run that is not there", "GET", repo + "/runs/1", "", 404, notSeen, ""},
		{"a release without assets", "GET", "/repos/actions/runner/releases/tags/v2.330.0", "", 200, `{}`, "missing"},
	})
}

func checkAll(t *testing.T, scope string, exchanges []exchange) {
	t.Helper()
	v, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exchanges {
		t.Run(scope+" "+e.name, func(t *testing.T) {
			req := httptest.NewRequest(e.method, "http://127.0.0.1:1"+scope+e.path, strings.NewReader(e.body))
			req.Header.Set("Content-Type", "application/json")
			resp := &http.Response{StatusCode: e.status,
				Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
			err := v.Check(req, []byte(e.body), resp, []byte(e.answer))
			switch {
			case e.want == "" && err != nil:
				t.Error(err)
			case e.want != "" && err == nil:
				t.Errorf("passed, want a complaint about %s", e.want)
			case e.want != "" && !strings.Contains(err.Error(), e.want):
				t.Errorf("got %v, want a complaint about %s", err, e.want)
			}
		})
	}
}

// github answers as told, whatever it is asked, and keeps what it was sent.
type github struct {
	answer string
	sent   string
}

func (g *github) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	g.sent = string(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-RateLimit-Remaining", "4999")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, g.answer)
}

// Both doors hand everything on unchanged, and report exactly the wrong exchange.
func TestDoorsPassOnAndReport(t *testing.T) {
	v, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	const asked = `{"name":"ec2-a","runner_group_id":1,"labels":["a"]}`
	for _, answer := range []string{jit, `{"runner":` + runner + `}`} {
		complaints := map[string]int{}
		g := &github{answer: answer}
		inner := httptest.NewServer(v.Handler(g, func(error) { complaints["handler"]++ }))
		client := &http.Client{Transport: v.RoundTripper(http.DefaultTransport,
			func(error) { complaints["round tripper"]++ })}
		resp, err := client.Post(inner.URL+repo+"/runners/generate-jitconfig", "application/json",
			strings.NewReader(asked))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		inner.Close()

		got := []string{g.sent, string(body), resp.Status, resp.Header.Get("X-RateLimit-Remaining")}
		if diff := cmp.Diff([]string{asked, answer, "201 Created", "4999"}, got); diff != "" {
			t.Errorf("passed on (-want +got):\n%s", diff)
		}
		want := map[string]int{}
		if answer != jit {
			want = map[string]int{"handler": 1, "round tripper": 1}
		}
		if diff := cmp.Diff(want, complaints); diff != "" {
			t.Errorf("complaints (-want +got):\n%s", diff)
		}
	}
}

// An answer that breaks off reaches the client as one that breaks off.
func TestCutAnswerStaysCut(t *testing.T) {
	v, err := openapi.New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"total_count":`)
	}))
	defer server.Close()
	client := &http.Client{Transport: v.RoundTripper(http.DefaultTransport, func(err error) { t.Error(err) })}
	resp, err := client.Get(server.URL + repo + "/runners")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != `{"total_count":` || err == nil {
		t.Errorf("read %q and error %v, want the first part and an error", body, err)
	}
}

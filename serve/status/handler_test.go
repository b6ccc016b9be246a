package status

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestReadiness: a standby is ready and says that it is one; a set that nobody listens to is named.
func TestReadiness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sets []Set
		code int
		want string
	}{
		{[]Set{{Session: Listening}, {Session: Listening}}, 200, "ready: listening to 2 sets\n"},
		{[]Set{{Session: Standby}}, 200, "standby: another process listens to 1 set\n"},
		{[]Set{{Session: Standby}, {Session: Listening}}, 200,
			"ready: listening to 1 set; standby: another process listens to 1 set\n"},
		{[]Set{{Session: Listening}, {Session: Connecting, Removed: true}}, 200, "ready: listening to 1 set\n"},
		{[]Set{{Session: Listening}, {Name: "gpu", Session: Connecting}}, 503, "not ready\nset gpu is connecting\n"},
		{[]Set{{Session: Standby}, {Name: "gpu", Session: Refused, Problem: "a\nb"}}, 503,
			"not ready\nset gpu is refused: a b\n"},
	} {
		response, text := get(t, Snapshot{Sets: c.sets, Looked: at}, NewMetrics(), "/readyz")
		if response.StatusCode != c.code || text != c.want {
			t.Errorf("%+v: got %d %q, want %d %q", c.sets, response.StatusCode, text, c.code, c.want)
		}
	}
}

// TestNotReadyUnseen: before machines were seen none is launched, so the program is not ready for jobs.
func TestNotReadyUnseen(t *testing.T) {
	t.Parallel()
	for unseen, want := range map[string]string{"": "yet\n", "DescribeInstances:\nUnauthorizedOperation": "yet: " +
		"DescribeInstances: UnauthorizedOperation\n"} {
		response, text := get(t, Snapshot{Sets: []Set{{Session: Listening}}, Unseen: unseen}, NewMetrics(), "/readyz")
		if response.StatusCode != http.StatusServiceUnavailable ||
			text != "not ready\nEC2 and GitHub have not shown all machines "+want {
			t.Errorf("%q: got %d %q", unseen, response.StatusCode, text)
		}
	}
}

// TestPaths: there is nothing but what is there, and nothing can be sent.
func TestPaths(t *testing.T) {
	t.Parallel()
	handler := Handler(full, NewMetrics())
	for request, code := range map[string]int{"GET /healthz": 200, "HEAD /": 200, "GET /else": 404, "POST /": 405,
		"DELETE /metrics": 405} {
		method, path, _ := strings.Cut(request, " ")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, "http://127.0.0.1:9810"+path, nil))
		if recorder.Code != code {
			t.Errorf("%s: got %d, want %d", request, recorder.Code, code)
		}
	}
}

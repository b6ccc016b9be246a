package status

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// getAs asks for a path with a Host header.
func getAs(s Snapshot, host, path string) (code int, text string) {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Host = host
	recorder := httptest.NewRecorder()
	Handler(func() Snapshot { return s }, NewMetrics()).ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

// TestHosts: the page and the metrics are shown for IP addresses, localhost and the names of the file. Another name may
// be that of a site that a browser was led here by.
func TestHosts(t *testing.T) {
	t.Parallel()
	s := full()
	s.Hosts = []string{"runners.example.com", "serve"}
	for host, good := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:9810": true, "10.1.2.3:80": true, "[::1]": true, "[::1]:9810": true,
		"[fe80::1%25eth0]:9810": true, "localhost": true, "LocalHost:9810": true, "localhost.": true,
		"runners.example.com": true, "Runners.Example.com.:9810": true, "serve:9810": true,

		"evil.example": false, "evil.example:9810": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example":   false,
		"evil.runners.example.com": false, "serve.evil.example": false, "xserve": false, "": false, ":9810": false,
		"localhost..": false, "2130706433": false, "127.1": false, "[serve]": false, "a b": false,
		"127.0.0.1@evil.example": false, "127.0.0.1:80:80": false,
	} {
		for _, path := range []string{"/", "/metrics"} {
			code, text := getAs(s, host, path)
			if good && code != http.StatusOK || !good && (code != http.StatusMisdirectedRequest ||
				!strings.Contains(text, "under hosts") || strings.Contains(text, s.Scope)) {
				t.Errorf("%q for %q: got %d, want good %t:\n%.300s", path, host, code, good, text)
			}
		}
	}
	s.Hosts = nil
	if code, _ := getAs(s, "serve", "/"); code != http.StatusMisdirectedRequest {
		t.Errorf("a name that the file does not have is answered with %d", code)
	}
}

// TestHealthChecksOfAnyHost: load balancers ask by whatever name they have, and learn the state and nothing else.
func TestHealthChecksOfAnyHost(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"evil.example", "", "10.1.2.3"} {
		if code, text := getAs(full(), host, "/healthz"); code != http.StatusOK || text != "ok\n" {
			t.Errorf("%q: got %d %q", host, code, text)
		}
	}
	ready := Snapshot{Looked: at, Sets: []Set{{Name: "secret", Session: Listening}}}
	not := Snapshot{Looked: at, Sets: []Set{{Name: "secret", Session: Refused, Problem: "secret"}}}
	for _, c := range []struct {
		Snapshot
		host string
		code int
		want string
	}{
		{ready, "evil.example", 200, "ready\n"}, {not, "evil.example", 503, "not ready\n"},
		{not, "", 503, "not ready\n"},
		{ready, "10.1.2.3", 200, "ready: listening to 1 set\n"},
		{not, "localhost:9810", 503, "not ready\nset secret is refused: secret\n"},
	} {
		if code, text := getAs(c.Snapshot, c.host, "/readyz"); code != c.code || text != c.want {
			t.Errorf("%q: got %d %q, want %d %q", c.host, code, text, c.code, c.want)
		}
	}
}

package status

import (
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files anew")

var at = time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return at.Add(-d) }

// hostile is a text of somebody who wants to be more than a text.
const hostile = "<script>alert(1)</script>\"'&\\\n\xff` onload=x {{.}} %s"

// full is a snapshot with everything in it.
func full() Snapshot {
	return Snapshot{
		At: at, Version: "2.1.0", Scope: "demo-org", Owner: "ec2-github-runner 1a2b3c4d host-1",
		WebURL: "https://github.com", Looked: ago(12 * time.Second),
		Sets: []Set{
			{
				Name: "ec2-amd64", Labels: []string{"ec2-amd64", "linux"}, Max: 20, Min: 1, Session: Listening,
				Since: ago(26 * time.Hour), Polled: ago(31 * time.Second), Assigned: 3, Running: 2, Waiting: 1,
				Machines: []Machine{
					{Runner: "ec2-amd64-a1b2c3d4", Instance: "i-0aaaaaaaaaaaaaaa1", Type: "c7i.xlarge", Market: "spot",
						Region: "eu-west-1", State: Busy, Since: ago(14 * time.Minute), Job: Job{
							Name: "test (1.26, race)", Repository: "demo-org/shop", Run: 4711,
							Since: ago(13*time.Minute + 20*time.Second)}},
					{Runner: "ec2-amd64-b2c3d4e5", Instance: "i-0aaaaaaaaaaaaaaa2", Type: "c7i.xlarge",
						Region: "eu-west-1", State: Busy, Since: ago(90 * time.Second), Job: Job{Name: hostile,
							Repository: "demo-org/" + hostile, Run: 4712, Since: ago(time.Second)}},
					{Instance: "i-0aaaaaaaaaaaaaaa5", Type: "c7i.xlarge", State: Stopped,
						Since: ago(50 * time.Hour)},
					{Runner: "ec2-amd64-c3d4e5f6", State: Launching, Since: ago(time.Second)},
					{Runner: "ec2-amd64-d4e5f6g7", Instance: "i-0aaaaaaaaaaaaaaa4", Type: "c7i.xlarge",
						Region: "eu-west-1", State: Idle, Since: ago(3*time.Hour + 5*time.Minute)},
				},
			},
			{
				Name: "gpu", Labels: []string{"gpu"}, Max: 4, Session: Listening, Since: ago(time.Hour),
				Polled: ago(2 * time.Second), Waiting: 2, Paused: at.Add(150 * time.Second), Refusals: []Refusal{
					{At: ago(30 * time.Second), Times: 6, Message: "EC2 has no capacity, so jobs wait at GitHub: " +
						"on-demand p5.48xlarge in subnet-0aaaaaaaaaaaaaaa1: InsufficientInstanceCapacity",
						Hint: "add instance types or subnets of other zones"},
					{At: ago(40 * time.Minute), Times: 1, Message: hostile, Hint: hostile},
				},
			},
			{Name: "arm", Labels: []string{"arm"}, Max: 4, Session: Refused, Problem: "not served: GitHub refuses: " +
				"create session: GitHub says 403: Resource not accessible by integration",
				Hint: "check the token or the App"},
			{Name: "old", Labels: []string{"old"}, Removed: true, Session: Standby},
			{Name: hostile, Labels: []string{hostile}, Max: 1, Session: Connecting, Problem: hostile},
		},
		NotInFile: []NotInFile{{Name: "taken-out", Machines: 3, Stopped: 2, Oldest: ago(26 * time.Hour)},
			{Name: hostile, Machines: 1}},
		Reload: Reload{At: ago(5 * time.Minute), Problem: "sets.yml:12: " + hostile},
	}
}

// counted are metrics with something of everything in them.
func counted() *Metrics {
	m := NewMetrics()
	for _, set := range []string{"ec2-amd64", hostile} {
		m.Online(set, 21*time.Second)
		m.Online(set, 2*time.Hour)
		m.Started(set, 34*time.Second)
		m.Started(set, -time.Second) // the clocks of two of GitHub's servers
		m.Completed(set, "succeeded")
		m.RefusedByEC2(set, "InsufficientInstanceCapacity")
		m.RefusedByGitHub(set, 403)
		m.RefusedByGitHub(set, 0)
		m.SpotTaken(set)
	}
	return m
}

// get asks the handler.
func get(t *testing.T, s Snapshot, m *Metrics, path string) (*http.Response, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9810"+path, nil)
	Handler(func() Snapshot { return s }, m).ServeHTTP(recorder, request)
	return recorder.Result(), recorder.Body.String()
}

// TestMetrics: Prometheus' own parser reads every metric, and there is no other than the list has. What follows is of
// the Go runtime and the process.
func TestMetrics(t *testing.T) {
	t.Parallel()
	response, text := get(t, full(), counted(), "/metrics")
	if got := expfmt.ResponseFormat(response.Header); got.FormatType() != expfmt.TypeTextPlain {
		t.Errorf("the format is %q", got)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, m := range List {
		family := families[prefix+m.Name]
		if family == nil {
			t.Errorf("no %s", m.Name)
			continue
		}
		if got := strings.ToLower(family.GetType().String()); got != m.Type || family.GetHelp() != m.Help {
			t.Errorf("%s is a %s, %q; want a %s, %q", m.Name, got, family.GetHelp(), m.Type, m.Help)
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName())
			}
			slices.Sort(labels)
			want := slices.DeleteFunc(strings.Split(m.Labels, ","), func(l string) bool { return l == "" })
			slices.Sort(want)
			if !slices.Equal(labels, want) {
				t.Errorf("%s has the labels %v, want %v", m.Name, labels, want)
			}
		}
	}
	for name := range families {
		own, ok := strings.CutPrefix(name, prefix)
		if ok && !slices.ContainsFunc(List, func(m Metric) bool { return m.Name == own }) {
			t.Errorf("%s is not in the list", own)
		}
	}
	if families["process_resident_memory_bytes"] == nil || families["go_goroutines"] == nil {
		t.Error("no metrics of the process")
	}
	for name, want := range map[string]string{"session": "ec2-amd64", "machines": "gpu",
		"refusals_total": strings.ToValidUTF8(hostile, "\uFFFD")} {
		found := false
		for _, metric := range families[prefix+name].GetMetric() {
			for _, pair := range metric.GetLabel() {
				found = found || pair.GetName() == "set" && pair.GetValue() == want
			}
		}
		if !found {
			t.Errorf("%s has nothing of the set %q", name, want)
		}
	}
}

// TestMetricsText pins what an operator's rules read.
func TestMetricsText(t *testing.T) {
	t.Parallel()
	_, text := get(t, full(), counted(), "/metrics")
	var own strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, prefix) {
			own.WriteString(line)
		}
	}
	golden(t, "metrics.txt", own.String())
}

// TestPage pins the page.
func TestPage(t *testing.T) {
	t.Parallel()
	response, text := get(t, full(), NewMetrics(), "/")
	if got := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; ") {
		t.Errorf("policy %q", got)
	}
	golden(t, "page.html", text)
}

// TestPageIsInert: whatever texts others have chosen, the page has the same elements as with plain ones, no script, and
// links to GitHub and to itself alone.
func TestPageIsInert(t *testing.T) {
	t.Parallel()
	plain, odd := full(), full()
	for _, s := range []*Snapshot{&plain} {
		s.Reload.Problem, s.NotInFile[1].Name = "x", "x"
		s.Sets[0].Machines[1].Job.Name, s.Sets[0].Machines[1].Job.Repository = "x", "demo-org/x"
		s.Sets[1].Refusals[1].Message, s.Sets[1].Refusals[1].Hint = "x", "x"
		s.Sets[4].Name, s.Sets[4].Labels, s.Sets[4].Problem = "x", []string{"x"}, "x"
	}
	if diff := cmp.Diff(elements(t, page(plain)), elements(t, page(odd))); diff != "" {
		t.Errorf("texts became elements (-plain +hostile):\n%s", diff)
	}
	if text := page(odd); !strings.Contains(text, "&lt;script&gt;") || strings.Contains(text, "<script") {
		t.Error("the hostile text is not shown as a text")
	}
}

// elements are the page's tags with their attributes' names, and where its links lead.
func elements(t *testing.T, text string) (list []string) {
	t.Helper()
	reader := html.NewTokenizer(strings.NewReader(text))
	for {
		switch reader.Next() {
		case html.ErrorToken:
			if err := reader.Err(); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return list
		case html.StartTagToken, html.SelfClosingTagToken:
			token := reader.Token()
			for _, attribute := range token.Attr {
				token.Data += " " + attribute.Key
				if link := attribute.Val; attribute.Key == "href" &&
					!slices.Contains([]string{"metrics", "readyz", "healthz"}, link) &&
					!strings.HasPrefix(link, "https://github.com/demo-org/") {
					t.Errorf("a link leads to %q", link)
				}
			}
			list = append(list, token.Data)
		}
	}
}

// TestEmptyPage: a server that knows nothing yet says so.
func TestEmptyPage(t *testing.T) {
	t.Parallel()
	text := page(Snapshot{At: at, Sets: []Set{{Name: "one", Session: Connecting}}})
	for _, part := range []string{"have not been looked at yet", "Connecting", "0 of 0"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said:\n%s", part, text)
		}
	}
	text = page(Snapshot{At: at, Looked: ago(10 * time.Minute), Unseen: "DescribeInstances: access denied"})
	if !strings.Contains(text, "10 min 0 s ago") || !strings.Contains(text, "access denied") {
		t.Errorf("what could not be seen is not said:\n%s", text)
	}
}

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
		response, text := get(t, Snapshot{Sets: c.sets}, NewMetrics(), "/readyz")
		if response.StatusCode != c.code || text != c.want {
			t.Errorf("%+v: got %d %q, want %d %q", c.sets, response.StatusCode, text, c.code, c.want)
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

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}

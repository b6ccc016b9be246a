package status

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// TestDocumentation: docs/scale-sets.md has every metric.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/scale-sets.md", "<!-- metrics -->\n", "<!-- /metrics -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(raw), begin)
	got, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("the page has no marks for metrics")
	}
	want := "| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n"
	for _, m := range List {
		labels := ""
		if m.Labels != "" {
			labels = "`" + strings.ReplaceAll(m.Labels, ",", "`, `") + "`"
		}
		want += "| `" + m.Name + "` | " + m.Type + " | " + labels + " | " + m.Help + " |\n"
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the page has\n%s\nand the program\n%s\n(-update writes it)", got, want)
	}
}

// TestExamples: the alerts and the dashboard of examples/scale-set name metrics that there are, and the dashboard shows
// what an operator asks for first. test/prometheus reads them by Prometheus' own parsers.
func TestExamples(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, file := range []string{"alerts.yml", "dashboard.json"} {
		raw, err := os.ReadFile("../../examples/scale-set/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(prefix+`(\w+)`).FindAllStringSubmatch(string(raw), -1) {
			used[name[1]] = true
		}
	}
	for _, m := range List {
		if _, shown := used[m.Name]; !shown && m.Type == "histogram" {
			shown = used[m.Name+"_bucket"]
			delete(used, m.Name+"_bucket")
			if !shown {
				t.Errorf("%s is used nowhere", m.Name)
			}
		}
		if !used[m.Name] && m.Type != "histogram" && m.Name != jobsAssigned && m.Name != reloadTime {
			t.Errorf("%s is used nowhere", m.Name)
		}
		delete(used, m.Name)
	}
	for name := range used {
		t.Errorf("there is no metric %s", name)
	}
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
	for _, part := range []string{"have not been looked at yet", "Connecting", "0 of 0",
		">AWS has not named the account yet, version"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said:\n%s", part, text)
		}
	}
	text = page(Snapshot{At: at, Looked: ago(10 * time.Minute), Unseen: "DescribeInstances: access denied",
		UnseenHint: "allow it"})
	if !strings.Contains(text, "10 min 0 s ago") || !strings.Contains(text, "access denied") ||
		!strings.Contains(text, "Hint: allow it") {
		t.Errorf("what could not be seen is not said:\n%s", text)
	}
}

package status

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var at = time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return at.Add(-d) }

// hostile is a text of somebody who wants to be more than a text.
const hostile = "<script>alert(1)</script>\"'&\\\n\xff` onload=x {{.}} %s"

// full is a snapshot with everything in it.
func full() Snapshot {
	return Snapshot{
		At: at, Started: ago(30 * time.Hour), Version: "2.1.0", Scope: "demo-org",
		Owner:  "ec2-github-runner 1a2b3c4d host-1",
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

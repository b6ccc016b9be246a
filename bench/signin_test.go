package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// TestSignInText: the medians of both forms, and of what each pair saves, which need not be the difference of the two.
func TestSignInText(t *testing.T) {
	t.Parallel()
	text, err := signInText([]byte(`{"machine": "linux/amd64, 2 processors", "engine": "act", "node": "v20.1.0", ` +
		`"actions": ["a/one v1", "a/two v2"],
		"launch": {"one": {"runs": 3, "median": 2}, "three": {"runs": 3, "median": 4}, "saved": {"median": 1}},
		"job": {"one": {"runs": 3, "median": 3}, "three": {"runs": 3, "median": 6}, "saved": {"median": 3}},
		"calls": {"one": 4, "three": 6}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"with a/one v1 and a/two v2 before it", "3 times each", "Node 20.1.0",
		"| from the job's first step to the launch | 2.0 s | 4.0 s | 1.0 s |",
		"| the whole job, post steps included | 3.0 s | 6.0 s | 3.0 s |",
		"| calls to GitHub and AWS before the launch | 4 | 6 | 2 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Other work") {
		t.Errorf("free processors are said to be busy:\n%s", text)
	}
	if text, err := signInText([]byte(`{"load": 9.7}`)); err != nil || !strings.Contains(text, "load average 10") {
		t.Errorf("a busy machine is not named: %v\n%s", err, text)
	}
	if _, err := signInText([]byte("{")); err == nil {
		t.Error("half a file is read")
	}
}

// TestSignInResults: the file contains summaries of at least ten pairs.
func TestSignInResults(t *testing.T) {
	t.Parallel()
	var s signIns
	if err := json.Unmarshal(signInResults, &s); err != nil {
		t.Fatal(err)
	}
	n := s.Launch.One.Runs
	for _, of := range []stats.Summary{
		s.Launch.One, s.Launch.Three, s.Launch.Saved, s.Job.One, s.Job.Three, s.Job.Saved,
	} {
		if of.Runs != n || of.Median < of.Min || of.Median > of.Max || of.Max == 0 {
			t.Errorf("%+v is no summary of %d runs", of, n)
		}
	}
	if n < 10 || s.Calls.One == 0 || s.Calls.Three == 0 || len(s.Actions) != 2 {
		t.Errorf("signin.json is not whole: %+v", s)
	}
}

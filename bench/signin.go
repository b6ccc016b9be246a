package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// signInResults are the results of test/act's TestSignInAgainstThreeSteps, which writes them with -update.
//
//go:embed signin.json
var signInResults []byte

// signIns compares a job with one step that signs in with a job that signs in at AWS and GitHub in two steps before it.
type signIns struct {
	Machine string     `json:"machine"`
	Engine  string     `json:"engine"`  // what runs the workflow
	Node    string     `json:"node"`    // what runs the others' steps
	Actions []string   `json:"actions"` // the others' steps
	Load    float64    `json:"load"`    // the load average meanwhile
	Launch  compared   `json:"launch"`  // seconds from the job's first step to the call of RunInstances
	Job     compared   `json:"job"`     // seconds from the job's first step to its end, post steps included
	Calls   roundTrips `json:"calls"`   // round trips to GitHub and AWS before the launch
}

// compared are the two forms, measured alternately, and what the first saved in each pair.
type compared struct {
	One   stats.Summary `json:"one"`
	Three stats.Summary `json:"three"`
	Saved stats.Summary `json:"saved"`
}

type roundTrips struct {
	One   int `json:"one"`
	Three int `json:"three"`
}

// busy is the load average from which other work affects the measurement on two processors.
const busy = 3

// signInText returns the section of the page about signing in.
func signInText(raw []byte) (string, error) {
	var s signIns
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("read signin.json: %w", err)
	}
	row := func(what string, c compared) string {
		return fmt.Sprintf("| %s | %.1f s | %.1f s | %.1f s |\n", what, c.One.Median, c.Three.Median, c.Saved.Median)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
## One step against three

A job that signs in by the inputs of its one step, and the same job with %s before it, run in turn by %s on %s,
%d times each. Docker images and the others' code were there already: a hosted runner downloads the code of each action
in each job, which is not measured. OIDC, STS, EC2 and GitHub are the simulated ones, with the latencies above, and
the machine boots at once.

| medians | one step | three steps | saved |
| --- | --- | --- | --- |
`, strings.Join(s.Actions, " and "), s.Engine, s.Machine, s.Launch.One.Runs)
	b.WriteString(row("from the job's first step to the launch", s.Launch))
	b.WriteString(row("the whole job, post steps included", s.Job))
	fmt.Fprintf(&b, "| calls to GitHub and AWS before the launch | %d | %d | %d |\n", s.Calls.One, s.Calls.Three,
		s.Calls.Three-s.Calls.One)
	fmt.Fprintf(&b, "\nThe others' steps were run by Node %s.", strings.TrimPrefix(s.Node, "v"))
	if s.Load > busy {
		fmt.Fprintf(&b, " Other work kept the processors busy meanwhile (load average %.0f), which stretches "+
			"whatever starts a process, above all Node with\n"+
			"some megabytes of code: with the processors free both forms take less, and so does what is saved. The "+
			"calls are the same.", s.Load)
	}
	b.WriteString("\n")
	return b.String(), nil
}

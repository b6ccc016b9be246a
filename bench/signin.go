package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bench/stats"
)

// signInResults are those of test/act's TestSignInAgainstThreeSteps, which writes them with -update.
//
//go:embed signin.json
var signInResults []byte

// signIns compares a job whose one step signs in with one that has a step each for AWS and for GitHub before it.
type signIns struct {
	Machine string   `json:"machine"`
	Engine  string   `json:"engine"`  // what runs the workflow
	Node    string   `json:"node"`    // what runs the others' steps
	Actions []string `json:"actions"` // the others' steps
	Load    float64  `json:"load"`    // how many processes wanted a processor meanwhile
	One     form     `json:"one"`
	Three   form     `json:"three"`
}

// busy is the load average beyond which other work takes a share of two processors that counts.
const busy = 3

// form is one way to sign in: the values of one index were measured one after the other.
type form struct {
	Launch []float64 `json:"launch"` // seconds from the job's first step to the call of RunInstances
	Job    []float64 `json:"job"`    // seconds from the job's first step to its end, post steps included
	Calls  int       `json:"calls"`  // round trips to GitHub and AWS before the launch
}

// signInText is the section of the page.
func signInText(raw []byte) (string, error) {
	var s signIns
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("read signin.json: %w", err)
	}
	row := func(what string, of func(form) []float64) string {
		one, three := of(s.One), of(s.Three)
		saved := make([]float64, len(one))
		for i := range one {
			saved[i] = three[i] - one[i]
		}
		return fmt.Sprintf("| %s | %.1f s | %.1f s | %.1f s |\n", what, stats.Median(one), stats.Median(three),
			stats.Median(saved))
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
`, strings.Join(s.Actions, " and "), s.Engine, s.Machine, len(s.One.Launch))
	b.WriteString(row("from the job's first step to the launch", func(f form) []float64 { return f.Launch }))
	b.WriteString(row("the whole job, post steps included", func(f form) []float64 { return f.Job }))
	fmt.Fprintf(&b, "| calls to GitHub and AWS before the launch | %d | %d | %d |\n", s.One.Calls, s.Three.Calls,
		s.Three.Calls-s.One.Calls)
	fmt.Fprintf(&b, "\nThe others' steps were run by Node %s.", strings.TrimPrefix(s.Node, "v"))
	if s.Load > busy {
		fmt.Fprintf(&b, " Other work kept the processors busy meanwhile (load average %.0f), which stretches whatever "+
			"starts a process, above all Node with\n"+
			"some megabytes of code: with the processors free both forms take less, and so does what is saved. The "+
			"calls are "+
			"the same.", s.Load)
	}
	b.WriteString("\n")
	return b.String(), nil
}

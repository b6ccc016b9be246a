package main

import (
	"fmt"
	"math"
)

// growth computes what the measured calls mean for users with many jobs, from published limits. It adds no other
// figures than the sizes that it considers.
type growth struct{ results Results }

// The sizes considered. All jobs of a day run within ten hours; a repository is swept every quarter of an hour, as the
// README advises.
var (
	jobsADay     = []int{100, 1_000, 10_000, 100_000}
	repositories = []int{1, 10, 100, 1_000}
)

const (
	workingHours = 10
	sweepsAnHour = 4
)

// cost is what one job uses of each limit: a start and a stop with their own runner.
type cost struct {
	github, points, creations float64 // calls, points and creations at GitHub
	runs, looks               float64 // calls of RunInstances, and other calls to EC2
}

// of returns the median of a figure, NaN if it was not measured, which visibly spoils every result.
func (g growth) of(group, name string) float64 {
	f := g.results.figure(group, name)
	if f == nil || f.summarize().Ours.Runs == 0 {
		return math.NaN()
	}
	return f.summarize().Ours.Median
}

// step returns the cost of one step, by the rows that count it. A call that writes counts as five points, so the
// numbers of reads and writes follow from points and calls.
func (g growth) step(group, what string) cost {
	c := cost{
		github: g.of(group, what+": GitHub"), points: g.of(group, what+": GitHub's points"),
		runs: g.of(group, what+": RunInstances"), looks: g.of(group, what+": EC2"),
	}
	c.looks -= c.runs
	c.creations = (c.points - c.github*pointsOfRead) / (pointsOfWrite - pointsOfRead)
	return c
}

// stop returns the cost of stopping one runner. Its only write at GitHub is a removal, and EC2 launches nothing.
func (g growth) stop(others int) cost {
	what := among(others, "stop")
	return cost{github: g.of(groupCalls, what+": GitHub"), points: g.of(groupCalls, what+": GitHub's points"),
		looks: g.of(groupCalls, what+": EC2")}
}

// job returns the cost of a job whose start brings up one runner, with this many other runners in the scope.
func (g growth) job(others int) cost {
	return g.step(groupCalls, among(others, "start")).plus(g.stop(others))
}

// shared returns the cost of a job if one start brings up this many runners, each stopped by its own step.
func (g growth) shared(count int, by string) cost {
	c, n := g.step(groupMany, many(count, by)), float64(count)
	return cost{c.github / n, c.points / n, c.creations / n, c.runs / n, c.looks / n}.plus(g.stop(0))
}

func (c cost) plus(d cost) cost {
	return cost{c.github + d.github, c.points + d.points, c.creations + d.creations, c.runs + d.runs, c.looks + d.looks}
}

// bound is a published limit, and how many jobs an hour it allows.
type bound struct {
	name, page string
	need, most float64 // of a job, and an hour
	remedy     string
}

func (b bound) jobs() float64 { return b.most / b.need }

// bounds returns the limits for jobs of a cost with one token, in one account and region.
func (c cost) bounds() []bound {
	return []bound{
		{"GitHub: requests of a token", githubPage, c.github, githubHourly,
			"a GitHub App's token; `count` and `runners`, so that one start serves several jobs; `ephemeral`, " +
				"which needs no stop"},
		{"GitHub: requests of a large App", githubPage, c.github, githubAppHourly,
			"an App for each organization: each installation has a limit of its own"},
		{"GitHub: points", githubPage, c.points, githubPoints * 60, "as above; spread what is scheduled over the hour"},
		{"GitHub: creations", githubPage, c.creations, creationsHourly,
			"registration by token, which is one for a whole start"},
		{"EC2: RunInstances calls", ec2Page, c.runs, ec2RunCalls * 3600,
			"`count`, which is one call; another region; ask AWS for more"},
		{"EC2: instances", ec2Page, 1, ec2RunInstances * 3600,
			"jobs that share a runner (`idle-timeout-minutes`); another region; ask AWS for more"},
		{"EC2: Describe and other calls", ec2Page, c.looks, ec2Describe * 3600, "another region; ask AWS for more"},
	}
}

// first returns the limit of one token that is reached first.
func (c cost) first() bound {
	list := c.bounds()
	best := list[0]
	for _, b := range list {
		if b.jobs() < best.jobs() {
			best = b
		}
	}
	return best
}

// day is what a number of jobs a day means in its working hours.
type day struct {
	jobs                int
	hourly              float64 // jobs
	requests, ofToken   float64 // of GitHub an hour, and what share of a token's limit
	runShare, pointsMin float64 // share of RunInstances' rate; GitHub's points a minute
	tokens              int     // how many tokens with their own limits are needed
}

func (c cost) day(jobs int) day {
	d := day{jobs: jobs, hourly: float64(jobs) / workingHours}
	d.requests = d.hourly * c.github
	d.ofToken = d.requests / githubHourly
	d.pointsMin = d.hourly * c.points / 60
	d.runShare = d.hourly * c.runs / (ec2RunCalls * 3600)
	d.tokens = int(math.Ceil(max(d.ofToken, d.pointsMin/githubPoints)))
	return d
}

// swept is what scheduled sweeps cost an hour.
type swept struct {
	repositories, others int
	requests, ofToken    float64
}

func (g growth) swept(count, others int) swept {
	s := swept{repositories: count, others: others}
	s.requests = float64(count) * sweepsAnHour * g.of(groupSweep, among(others, "sweep")+": GitHub")
	s.ofToken = s.requests / githubHourly
	return s
}

func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", share*100)
}

// whole formats a number without decimals, with a thousands separator.
func whole(value float64) string {
	if math.IsNaN(value) {
		return "not measured"
	}
	text := fmt.Sprintf("%.0f", value)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

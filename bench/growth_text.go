package main

import (
	"fmt"
	"strconv"
	"strings"
)

// growthText returns the page's section on growth.
func growthText(g growth) string {
	var b strings.Builder
	b.WriteString("\n## Growth\n\nComputed from the medians above and from the published limits of " +
		"[GitHub](" + githubPage + ") and [EC2](" + ec2Page + "), for users who run many jobs.\n")
	g.runnersText(&b)
	g.limitsText(&b)
	g.daysText(&b)
	g.sweepsText(&b)
	return b.String()
}

// runnersText writes how calls grow with the runners of one start.
func (g growth) runnersText(b *strings.Builder) {
	b.WriteString("\n### More runners in one start\n\n")
	rows := [][]string{{"runners", "by", "seconds", "GitHub calls", "a runner", "EC2 calls", "a runner"}}
	for _, k := range kinds {
		for _, count := range counts {
			name := many(count, k.name)
			hub, cloud := g.of(groupMany, name+": GitHub"), g.of(groupMany, name+": EC2")
			rows = append(rows, []string{
				strconv.Itoa(count), k.name, decimal(g.of(groupMany, name)), whole(hub), decimal(hub / float64(count)),
				whole(cloud), decimal(cloud / float64(count)),
			})
		}
	}
	b.WriteString(align(rows))
	fmt.Fprintf(b, `
With a registration token, like runners are one launch and are found by listing pages, so neither time nor calls
grow with their number. A JIT configuration belongs to one machine: each counts here as a content creation at GitHub
(%d a minute and %d an hour are allowed; GitHub does not document whether a registration is one) and needs its own
launch (EC2 allows %d a second). These limits determine the time for many of them.
`, githubCreations, creationsHourly, ec2RunCalls)
}

// limitsText writes how many jobs an hour each limit allows.
func (g growth) limitsText(b *strings.Builder) {
	b.WriteString("\n### Jobs an hour\n\nEach job starts and stops its own runner, with one token, in one " +
		"account and region:\n\n")
	rows := [][]string{{"limit", "an hour", "a job takes", "jobs an hour", "what to do there"}}
	for _, l := range g.job(0).bounds() {
		rows = append(rows, []string{"[" + l.name + "](" + l.page + ")", whole(l.most), decimal(l.need),
			whole(l.jobs()),
			l.remedy})
	}
	b.WriteString(align(rows))
	b.WriteString("\nWhich limit of a token is reached first, by how the runners are started and how many other " +
		"runners are registered:\n\n")
	rows = [][]string{{"start", "calls to GitHub a job", "the limit that is reached first", "jobs an hour"}}
	add := func(name string, c cost) {
		first := c.first()
		rows = append(rows, []string{name, decimal(c.github), first.name, whole(first.jobs())})
	}
	for _, others := range populations {
		add(fmt.Sprintf("one runner among %s of others", whole(float64(others))), g.job(others))
	}
	for _, k := range kinds {
		for _, count := range counts[1:] {
			add(fmt.Sprintf("%d runners in one start, by %s", count, k.name), g.shared(count, k.name))
		}
	}
	b.WriteString(align(rows))
}

// daysText writes what a number of jobs a day needs.
func (g growth) daysText(b *strings.Builder) {
	fmt.Fprintf(b, "\n### Jobs a day\n\nAll of a day's jobs run within %d hours, each with its own start and stop:\n\n",
		workingHours)
	rows := [][]string{{"jobs a day", "jobs an hour", "GitHub requests an hour", "of a token's limit",
		"GitHub points a minute", "of EC2's RunInstances", "tokens needed"}}
	for _, jobs := range jobsADay {
		d := g.job(0).day(jobs)
		rows = append(rows, []string{whole(float64(jobs)), whole(d.hourly), whole(d.requests), percent(d.ofToken),
			whole(d.pointsMin), percent(d.runShare), strconv.Itoa(d.tokens)})
	}
	b.WriteString(align(rows))
	b.WriteString(`
A start polls less often the more of its token's limit is used, so near the limit a job takes fewer calls than
above, and its runner is seen later. If a token's limit is exhausted, the start waits if GitHub asks for no more
than a few minutes; otherwise it fails and says so. If you need more than one token, use a GitHub App for each
organization, and several runners from one start. If EC2's launches are the limit, one start for each job is not the
right design:
let runners serve several jobs (` + "`idle-timeout-minutes`" + `), or use a controller that maintains a fleet, such as
[actions-runner-controller](https://github.com/actions/actions-runner-controller).
`)
}

// sweepsText writes what sweeps of many repositories need.
func (g growth) sweepsText(b *strings.Builder) {
	fmt.Fprintf(b, "\n### Repositories\n\nA scheduled sweep every %d minutes in each repository, all "+
		"with one token:\n\n",
		60/sweepsAnHour)
	rows := [][]string{{"repositories", "runners of others in each", "GitHub requests an hour", "of a token's limit"}}
	for _, others := range populations {
		for _, count := range repositories {
			s := g.swept(count, others)
			rows = append(rows, []string{whole(float64(count)), whole(float64(others)), whole(s.requests),
				percent(s.ofToken)})
		}
	}
	b.WriteString(align(rows))
	b.WriteString(`
A sweep reads the scope's whole list of runners, a hundred a call. For many repositories with many runners, register
the runners at the organization
(` + "`runner-scope`" + `): one sweep then covers all of them. Otherwise sweep less often, or give each repository ` +
		`its own token.
`)
}

func decimal(value float64) string {
	if value != value { // NaN: not measured
		return "not measured"
	}
	return fmt.Sprintf("%.1f", value)
}

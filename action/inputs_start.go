package action

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// noService is the hint for single-use runners that are to be a service.
const noService = "leave run-runner-as-service out"

func (r *reader) start(request Request) *runner.StartRequest {
	start := r.startOf(request)
	if _, are := keptBy(start); are {
		existingReader{r}.onlyExisting(start)
	} else if len(r.invalid.Problems) == 0 {
		r.checkUserData(*start)
	}
	return start
}

// startOf reads a start without checking the size of its user data.
func (r *reader) startOf(request Request) *runner.StartRequest {
	start := &runner.StartRequest{
		Run: request.Run, Scope: request.Scope, WebURL: webURL(r.getenv("GITHUB_SERVER_URL"), request.Scope),
		Labels: r.extraLabels(), JIT: r.flag("use-jit"), Ephemeral: r.ownFlag("ephemeral"),
		DefaultLabels: request.Mode != modePool && r.ownFlag("default-labels"),
		OwnTags:       r.ownFlag("own-tags"), Debug: r.flag("runner-debug"), Waiting: r.waiting(),
	}
	kept := existingReader{r}.existing(request)
	if kept != nil {
		start.Source = *kept
	}
	groups := existingReader{r}.groupsOf(request, kept)
	start.Groups, start.MinCount = groups, groupsReader{r}.minCount(groups)
	start.KeepFailed, _ = r.minutes("keep-failed-minutes")
	start.CapacityTimeout, _ = r.minutes("capacity-timeout-minutes")
	start.BySpotScore = request.Mode != modePool && r.bySpotScore()
	r.fromPool(start)
	for _, group := range groups {
		switch {
		case start.JIT && group.Service:
			r.refuse("The 'use-jit' and 'run-runner-as-service' inputs are incompatible. JIT runners are single-use "+
				"and cannot run as a service.", noService)
		case start.Ephemeral && group.Service && !isFromPool(start):
			r.refuse("The 'ephemeral' and 'run-runner-as-service' inputs are incompatible. Ephemeral runners are "+
				"single-use and cannot run as a service.", noService)
		}
	}
	start.JIT = start.JIT || start.Ephemeral
	if request.Mode != modePool {
		start.KeepAfterJob = r.keepAfterJob(start)
	}
	start.GroupID, start.GroupName = r.runnerGroup(start.JIT, request.Scope)
	start.IdleTimeout, start.MaxLifetime, start.MaxLifetimeHard = r.lifetimes(start.Ephemeral)
	if slices.ContainsFunc(groups, func(g runner.Group) bool { return g.StopsOnPowerOff() }) {
		r.warn("launch-parameters sets InstanceInitiatedShutdownBehavior to stop, so the machine cannot end itself: " +
			"idle-timeout-minutes, max-lifetime-minutes and ephemeral's power-off are off, and only stop removes it")
	}
	return start
}

// keepMinutes reads how long to keep a machine for inspection.
func (r *reader) keepMinutes(name string) time.Duration {
	// What ${{ needs.test.result == 'failure' && 30 }} gives if the job has not failed. Refusing it would leave the
	// machine of a good job running.
	if r.text(name) == "false" {
		return 0
	}
	return time.Duration(r.number(name, 0, int64(tags.MaxKeep/time.Minute))) * time.Minute
}

// keepAfterJob reads how long the machines of single-use runners stay after their job.
func (r *reader) keepAfterJob(start *runner.StartRequest) time.Duration {
	d := r.keepMinutes("keep-after-job-minutes")
	switch {
	case d == 0:
	case !start.JIT:
		r.warn("The 'keep-after-job-minutes' input has no effect: it is for single-use runners (ephemeral, use-jit, " +
			"pool), and all others stay until stop")
	case !start.OwnTags:
		r.warn("with 'own-tags: false' a sweep and a stop do not know of 'keep-after-job-minutes' and end the " +
			"machine all the same")
	}
	return d
}

// extraLabels reads the additional labels of all runners.
func (r *reader) extraLabels() []string {
	var labels []string
	for _, label := range strings.FieldsFunc(r.text("runner-labels"),
		func(c rune) bool { return c == ',' || c == '\n' || c == '\r' }) {
		if label = strings.TrimSpace(label); label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

func (r *reader) lifetimes(ephemeral bool) (idle, life time.Duration, hard bool) {
	idle, given := r.minutes("idle-timeout-minutes")
	if !given && ephemeral {
		idle = defaultEphemeralIdle
	}
	life, hard = r.minutes("max-lifetime-minutes")
	if !hard {
		life = defaultMaxLifetime
	}
	return idle, life, hard && life > 0
}

// runnerGroup reads the runner group, by id or by name. A repository has only the default group, and machulav reads the
// input for JIT runners only, so in other cases an invalid value is ignored.
func (r *reader) runnerGroup(jit bool, scope string) (id int64, name string) {
	value := r.text("runner-group-id")
	id, ok, exact := leadingNumber(value)
	isRepository := strings.Contains(scope, "/") && !strings.HasPrefix(scope, "enterprises/")
	switch {
	case isRepository && !jit:
		return 1, ""
	case ok && exact:
		return id, ""
	case isRepository && !ok:
		r.refuse(fmt.Sprintf("The 'runner-group-id' input is %q, and a repository has no runner "+
			"groups with names.", value),
			"for example runner-group-id: 1, the default group")
	case isRepository:
		r.warn("The 'runner-group-id' input is %q, of which %d is taken", value, id)
		return id, ""
	}
	return 0, value
}

// checkUserData refuses a start whose user data exceeds EC2's limit of 16 KB.
func (r *reader) checkUserData(start runner.StartRequest) {
	if err := start.CheckUserData(); err != nil {
		r.refuse("The machine's user data is too large: "+err.Error()+".",
			"make pre-runner-script shorter: let it fetch the rest, or bake it into the image")
	}
}

// group reads one group of identical runners.
func (r *reader) group(request Request) runner.Group {
	return runner.Group{
		Label: r.label(), Count: max(r.number("count", 1, maxRunners), 1), Machine: r.inputs().Machine(request.Region),
	}
}

// webURL returns the web address of the scope.
func webURL(server, scope string) string {
	return strings.TrimSuffix(cmp.Or(server, "https://github.com"), "/") + "/" + scope
}

// bySpotScore reads the order in which subnets are tried, and reports whether it is that of spot placement scores.
func (r *reader) bySpotScore() bool {
	value := r.text("order")
	if value != "given" && value != "spot-score" {
		r.refuse(fmt.Sprintf("The 'order' input is %q, which is neither given nor spot-score.", value),
			"for example order: spot-score")
	}
	return value == "spot-score"
}

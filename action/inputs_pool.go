package action

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/pool"
)

// warmUpTimeout is how long a warm-up may take: it installs packages, runs the setup-script and reads the disk.
const warmUpTimeout = 30 * time.Minute

const poolExample = "for example pool: tests"

var poolForm = regexp.MustCompile(`^[\w][\w.-]{0,63}$`)

// pool reads which machines a pool holds: those that a start with the same inputs would launch.
func (r *reader) pool(request *Request) {
	wanted := &pool.Request{
		Name: r.poolName(), Size: r.number("pool-size", 0, 1000),
		MaxAge: time.Duration(r.number("pool-max-age-hours", 1, 8760)) * time.Hour,
	}
	if wanted.Name == "" {
		r.refuse("The 'pool' input is required for the 'pool' mode.", poolExample)
	}
	if r.text("pool-size") == "" {
		r.refuse("The 'pool-size' input is required for the 'pool' mode.",
			"for example pool-size: 3, or 0 to empty the pool")
	}
	if r.text("runners") != "" {
		r.refuse("The 'runners' input cannot be given with the 'pool' mode.",
			"the machines of a pool are alike: fill each pool in a step of its own")
	}
	if slices.Contains(r.list("market-type"), machine.Spot) {
		r.refuse("The 'market-type' input names spot, and the machines of a pool are on-demand.",
			"leave it out: EC2 cannot stop a spot instance and start it again later")
	}
	wanted.Start = *r.startOf(*request)
	if _, are := keptBy(&wanted.Start); are {
		r.refuse("The 'existing-instances' and 'ec2-instance-id' inputs cannot be given with the 'pool' mode.",
			"a pool launches machines of its own")
	}
	wanted.WarmUp = max(warmUpTimeout, wanted.Start.Waiting.Timeout)
	if len(r.invalid.Problems) == 0 {
		if err := wanted.CheckUserData(); err != nil {
			r.refuse("The machine's user data is too large: "+err.Error()+".",
				"make setup-script shorter: let it fetch the rest, or bake it into the image")
		}
	}
	request.Pool = wanted
}

// poolName reads a pool's name. It is used in tags and in filters, where * and ? are wildcards.
func (r *reader) poolName() string {
	name := r.text("pool")
	if name != "" && !poolForm.MatchString(name) {
		r.refuse(fmt.Sprintf("The 'pool' input is %q, which is not 1 to 64 letters, digits, dots, hyphens "+
			"and underscores.", name), poolExample)
	}
	return name
}

// fromPool completes a start from a pool. Warm machines are single-use, so cold ones in their place are too.
func (r *reader) fromPool(start *runner.StartRequest) {
	name := r.poolName()
	if name == "" {
		return
	}
	if _, are := keptBy(start); are {
		r.refuse("The 'pool' input is incompatible with existing machines.", "leave one of them out")
	}
	if !start.OwnTags {
		r.refuse("The 'pool' and 'own-tags: false' inputs are incompatible: a pool is found by its tags.",
			"leave own-tags out")
	}
	start.Source, start.Ephemeral = pool.Machines{Pool: name}, true
	for _, group := range start.Groups {
		for _, name := range []string{"InstanceInitiatedShutdownBehavior", "InstanceMarketOptions"} {
			if group.Overlay.Has(name) {
				r.refuse(fmt.Sprintf("launch-parameters sets %s, which the machines of a pool cannot have.", name),
					"take it out: they are on-demand, stop once they are warm, and are terminated after their job")
			}
		}
		if group.Service {
			r.refuse("The 'pool' and 'run-runner-as-service' inputs are incompatible. The runners of a pool are "+
				"single-use and cannot run as a service.", noService)
		}
	}
}

// poolWords describes the content of a pool, as in "2 ready, 1 warming up".
func poolWords(result pool.Result) string {
	words := fmt.Sprintf("%d ready, %d warming up", result.Count(pool.Ready), result.Count(pool.Warming)+
		result.Count(pool.Launched))
	for _, more := range []struct{ became, words string }{
		{pool.Replaced, "%d replaced"}, {pool.Terminated, "%d ended"},
		{pool.Claimed, "%d claimed by a start before they could be ended"},
	} {
		if n := result.Count(more.became); n > 0 {
			words += fmt.Sprintf(", "+more.words, n)
		}
	}
	return strings.TrimSpace(words)
}

// isFromPool reports whether a start takes warm machines first.
func isFromPool(start *runner.StartRequest) bool {
	_, is := start.Source.(pool.Machines)
	return is
}

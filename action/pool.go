package action

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/pool"
)

func runPool(ctx context.Context, c clients) error {
	result, err := pool.Fill(ctx, c.starter(), *c.request.Pool)
	c.out.poolDone(result, err)
	return err
}

// poolDone reports the content of a pool. If nothing is left in doubt, the post step has nothing to do.
func (o *output) poolDone(result pool.Result, err error) {
	if len(result.Left) == 0 {
		if err := o.saveState(stateDone, true); err != nil {
			o.log.Warn(err.Error())
		}
	}
	o.handler.closeGroup()
	for _, left := range result.Left {
		o.log.Warn("left behind: " + left + "; the post step looks again")
	}
	o.log.Info(fmt.Sprintf("pool %s: %s", result.Name, poolWords(result)))
	o.setPool(result)
	o.summarize(poolSummary(result, err))
}

// setPool writes the output `pool`.
func (o *output) setPool(result pool.Result) {
	entries := result.Entries
	if entries == nil {
		entries = []pool.Entry{}
	}
	raw, err := json.Marshal(struct {
		Name       string       `json:"name"`
		Size       int          `json:"size"`
		Ready      int          `json:"ready"`
		Warming    int          `json:"warming"`
		Launched   int          `json:"launched"`
		Replaced   int          `json:"replaced"`
		Terminated int          `json:"terminated"`
		Entries    []pool.Entry `json:"entries"`
	}{
		result.Name, result.Size, result.Count(pool.Ready),
		result.Count(pool.Warming) + result.Count(pool.Launched),
		result.Count(pool.Launched), result.Count(pool.Replaced), result.Count(pool.Terminated), entries,
	})
	if err != nil {
		o.log.Warn("the output 'pool' cannot be written", "error", err)
		return
	}
	o.action.SetOutput(outPool, string(raw))
}

// poolSummary returns the job summary of a pool: what is ready, and what became of each machine.
func poolSummary(result pool.Result, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Pool %s: %s\n\n", code(result.Name), poolWords(result))
	if err == nil {
		fmt.Fprintf(&b, "The pool is to hold %d.\n\n", result.Size)
	}
	if len(result.Entries) > 0 {
		b.WriteString("| what | instance | region | type | zone | image | runner | until | why " +
			"|\n|---|---|---|---|---|---|---|---|---|\n")
	}
	for n, e := range result.Entries {
		if n == maxRows {
			fmt.Fprintf(&b, "| and %d more | | | | | | | | |\n", len(result.Entries)-n)
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", e.Became, code(e.InstanceID),
			cell(e.Region), code(e.InstanceType), cell(e.AvailabilityZone), code(e.Image), cell(e.RunnerVersion),
			cell(e.ExpiresAt), cell(e.Why))
	}
	b.WriteString("\n")
	trailTable(&b, result.Trail)
	for _, warning := range result.Warnings {
		fmt.Fprintf(&b, "> [!WARNING]\n> %s\n\n", plain(warning))
	}
	for _, left := range result.Left {
		fmt.Fprintf(&b, "> [!WARNING]\n> left behind: %s\n\n", plain(left))
	}
	return b.String()
}

package runner

import (
	"context"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// console shows what the machines print while they are waited for, each line once.
type console struct {
	shown map[string]string // by instance: the last text
}

// show prints what is new. It may not be allowed, and then it is said once.
func (c *console) show(ctx context.Context, st *start, slots []*slot) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if c.shown == nil {
		c.shown = map[string]string{}
	}
	for _, s := range slots {
		text, err := st.Cloud.Console(ctx, s.instance.Region, s.instance.ID)
		if err != nil {
			if _, told := c.shown[s.instance.ID]; !told && ctx.Err() == nil {
				st.log.Warn("Failed to fetch console output for "+s.instance.ID, "error", err)
			}
			c.shown[s.instance.ID] = ""
			continue
		}
		fresh := diagnosis.NewText(c.shown[s.instance.ID], text)
		c.shown[s.instance.ID] = text
		for _, line := range diagnosis.Tail(fresh, len(fresh)) {
			st.log.Info("console " + s.instance.ID + " | " + line)
		}
	}
}

// readBoots asks the machines of a start that is debugged how their boots went. Where the console may not be read, or
// is late, the start goes without.
func (st *start) readBoots(ctx context.Context) {
	slots := st.living()
	for _, s := range slots[:min(len(slots), maxConsoles)] {
		bounded, cancel := context.WithTimeout(ctx, consoleWithin)
		text, err := st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
		cancel()
		if err != nil {
			st.log.Debug("the console cannot be read", "error", err)
			return
		}
		s.boot = diagnosis.BootPhases(text)
	}
}

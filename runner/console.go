package runner

import (
	"context"
	"strings"
	"time"
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
		fresh := newText(c.shown[s.instance.ID], text)
		c.shown[s.instance.ID] = text
		for _, line := range tail(fresh, len(fresh)) {
			st.log.Info("console " + s.instance.ID + " | " + line)
		}
	}
}

// newText is what came to a text since an older one. EC2 shows only the last 64 KB, so the older text may have lost
// its beginning; then its end is looked for.
func newText(old, text string) string {
	if fresh, ok := strings.CutPrefix(text, old); ok {
		return fresh
	}
	end := old[max(len(old)-256, 0):]
	if i := strings.LastIndex(text, end); i >= 0 {
		return text[i+len(end):]
	}
	return text
}

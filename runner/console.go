package runner

import (
	"context"
	"log/slog"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// showConsoles prints new console output of the machines that the start waits for. Without the permission it warns
// once.
func (w *waiter) showConsoles(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, s := range w.pending() {
		id := s.instance.ID
		before, told := w.shown[id]
		text, _, err := w.st.Cloud.Console(ctx, s.instance.Region, id)
		w.shown[id] = text
		if err != nil {
			if !told && ctx.Err() == nil {
				w.log.Warn("Failed to fetch console output for "+id, "error", err)
			}
			continue
		}
		fresh := diagnosis.NewText(before, text)
		for _, line := range diagnosis.Tail(fresh, len(fresh)) {
			w.log.Info("console " + id + " | " + line)
		}
	}
}

// readBoots reads the boot phases from the consoles, for a start with runner-debug. It skips consoles that cannot be
// read in time.
func (st *Start) readBoots(ctx context.Context, log *slog.Logger) {
	slots := st.living()
	for _, s := range slots[:min(len(slots), maxConsoles)] {
		bounded, cancel := context.WithTimeout(ctx, consoleTimeout)
		text, _, err := st.Cloud.Console(bounded, s.instance.Region, s.instance.ID)
		cancel()
		if err != nil {
			log.Debug("cannot read the console", "error", err)
			return
		}
		s.boot = diagnosis.BootPhases(text)
	}
}

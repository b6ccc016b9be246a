package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// This file ends the machines of a set that is to be deleted, by the rules of a set that was taken out of the file.

const (
	// Between looks: where all can be ended at once it is soon over, and else it takes a minute at least.
	deleteLook     = time.Second
	deleteLookSlow = 10 * time.Second
	deleteSlow     = 10 * time.Second // from when on
	// settleTime is how long a deletion waits for machines that are starting, warming up or powering themselves off.
	settleTime = 5 * time.Minute
	// showTime is how long nothing may be seen before there is nothing: EC2 shows a machine late that a process has
	// launched just before its end. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	showTime = 5 * time.Second
	// countsLate is how long GitHub's count may have runners that its list does not have.
	countsLate = 30 * time.Second
)

// endAll ends what is idle, look by look, until nothing is left. confirm is asked between a look and what follows from
// it, and returns how many runners GitHub counts. What runs a job makes it fail.
func (d deleter) endAll(ctx context.Context, confirm func(context.Context) (registered int, err error)) error {
	begun, empty, logged := time.Now(), time.Time{}, false
	for {
		registered, err := d.endIdle(ctx, confirm)
		if err != nil {
			return err
		}
		now := time.Now()
		busy, rest := d.left(now)
		empty = since(empty, len(busy)+len(rest) == 0, now)
		switch {
		case len(busy) > 0:
			return d.refuse("jobs run on its machines: "+some(busy),
				"delete it again when they are done; what was idle is ended")
		case len(rest) == 0 && registered == 0 && now.Sub(empty) >= showTime:
			return nil
		case registered > 0 && len(rest) == 0 && now.Sub(empty) >= countsLate:
			return d.refuse(fmt.Sprintf("GitHub counts %d runners of it that are not on machines of this AWS account "+
				"and the regions of the file, %s", registered, strings.Join(d.regions, ", ")),
				"delete it with the file that they are of; GitHub removes those without a machine within a day")
		case now.Sub(begun) >= settleTime:
			return d.refuse("it still has "+some(rest), "delete it again later")
		case len(rest) > 0 && !logged:
			logged = true
			d.set.log.Info("waiting until the last machines can be ended", "left", some(rest))
		}
		next := deleteLook
		if now.Sub(begun) >= deleteSlow {
			next = deleteLookSlow
		}
		wait(ctx, next)
	}
}

// endIdle looks once, and ends what the rules say.
func (d deleter) endIdle(ctx context.Context, confirm func(context.Context) (int, error)) (registered int, err error) {
	seen, err := d.watcher.look(ctx, d.regions)
	if err != nil {
		return 0, d.failed("not everything that it has can be seen", err)
	}
	verdicts := d.set.fleet.look(seen, need{file: config.Set{Name: d.set.name}, listening: true, removed: true})
	d.set.warm.look(seen)
	if registered, err = confirm(ctx); err != nil {
		if _, refused := errors.AsType[*diagnosis.RefusedError](err); refused {
			return 0, err
		}
		return 0, d.failed("GitHub does not say what it has", err)
	}
	err = errors.Join(d.set.remover.removeAll(ctx, verdicts), d.set.warm.end(ctx, seen.now, true))
	if ctx.Err() != nil || isFinal(err) {
		return 0, d.failed("what it has cannot be ended", errors.Join(err, ctx.Err()))
	}
	return registered, nil
}

// show logs what the set has, and whether it would be deleted.
func (d deleter) show(ctx context.Context) error {
	there, found, err := d.find(ctx)
	if err != nil {
		return withHint(err)
	}
	seen, err := d.watcher.look(ctx, d.regions)
	if err != nil {
		return d.failed("not everything that it has can be seen", err)
	}
	d.set.fleet.look(seen, need{file: config.Set{Name: d.set.name}, removed: true})
	d.set.warm.look(seen)
	busy, rest := d.left(seen.now)
	log := d.set.log.With("found", found, "id", there.ID, "busy", busy, "other", rest, "regions", d.regions)
	if len(busy) > 0 {
		log.Warn("dry run: the set would not be deleted, because jobs run on its machines; the others would be ended")
		return nil
	}
	log.Info("dry run: the machines would be ended and the set deleted, if no process listens to it")
	return nil
}

func (d deleter) failed(why string, err error) error {
	hint := hintOf(err)
	if hint == "" {
		hint = diagnosis.Hint(err)
	}
	return &diagnosis.FailedError{Err: err, Hint: hint,
		Message: fmt.Sprintf("scale set %q is not deleted, because %s: %v", d.set.name, why, err)}
}

// left names what the set has: what runs a job, and the rest.
func (d deleter) left(now time.Time) (busy, rest []string) {
	busy, rest = d.set.fleet.names(now)
	for _, m := range d.set.warm.snapshot() {
		rest = append(rest, fmt.Sprintf("%s (%s)", m.Instance, m.State))
	}
	return busy, rest
}

// some lists the first few of a list.
func some(list []string) string {
	const most = 5
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

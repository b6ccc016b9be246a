package ami

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// After a cancellation GitHub sends SIGINT, 7.5 s later SIGTERM, and 2.5 s after that it kills the container's client:
// afterCancel is the time that the clean-up has then. Without a cancellation it may take longer.
// https://github.com/actions/runner/blob/main/src/Runner.Sdk/ProcessInvoker.cs
const (
	afterCancel = 6500 * time.Millisecond
	tidyTimeout = time.Minute
)

// lookFor is how long to look for the effect of a call whose response was lost: EC2 shows it some seconds late.
const lookFor = 20 * time.Second

// tidy removes the builder, and an image that was started and not handed over, with a new client and its own timeout.
// It returns what it could not remove, and how to remove it.
func (b *bake) tidy(ctx context.Context, cancelled func() time.Time) (left []string) {
	b.log = b.phase(b.tidying())
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		rest := afterCancel
		if at := cancelled(); !at.IsZero() {
			rest -= time.Since(at)
		}
		time.AfterFunc(rest, cancel)
	})
	defer stop()
	r := &remover{cloud: b.baker.Fresh(), log: b.log, line: b.line}
	var mu sync.Mutex
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, what)
	}
	var group sync.WaitGroup
	group.Go(func() { b.removeBuilder(bounded, r, note) })
	if b.asked && !b.handed {
		group.Go(func() { b.removeImage(bounded, r, note) })
	}
	group.Wait()
	return left
}

func (b *bake) tidying() string {
	if b.source != nil {
		return "remove what is not finished"
	}
	return "remove the builder"
}

func (b *bake) removeImage(ctx context.Context, r *remover, note func(string)) {
	if _, err := r.removeImage(ctx, b.begunImage(), b.imageID, b.mine()); err != nil {
		note(fmt.Sprintf("perhaps image %s %s or its snapshots in %s (%v): the post step looks again; remove what it "+
			"does not find in the EC2 console", b.imageID, b.name, b.request.Region, err))
	}
}

func (b *bake) removeBuilder(ctx context.Context, r *remover, note func(string)) {
	if b.builder.ID != "" {
		if err := r.terminate(ctx, b.request.Region, b.builder.ID); err != nil {
			note(fmt.Sprintf("builder %s in %s (%s): terminate it in the EC2 console; it terminates itself at %s",
				b.builder.ID, b.request.Region, refusal.Reason(err), b.ownEnd().UTC().Format("2006-01-02 15:04 MST")))
		}
	}
	for _, attempt := range b.trail {
		if !attempt.InDoubt {
			continue
		}
		if err := r.terminateByToken(ctx, b.request.Region, attempt.Token); err != nil {
			note(fmt.Sprintf("perhaps a builder with client token %s in %s (%s): the post step looks again",
				attempt.Token, b.request.Region, refusal.Reason(err)))
		}
	}
}

// PostRequest is what the journal of a killed bake contains about its images; its builders are found by their client
// tokens.
type PostRequest struct {
	Mine  map[string]string // of Identity
	Begun []Begun           // not handed over
}

// Post removes the images that a killed bake had started to create. It looks for a while, since EC2 shows a new image
// late.
func (k *Baker) Post(ctx context.Context, request PostRequest) (removed, left []string) {
	r := &remover{cloud: k.Cloud, log: k.Log.With("phase", "Clean up after an interrupted bake"),
		line: func(text string) string { return text }}
	var mu sync.Mutex
	each(request.Begun, func(begun Begun) {
		tags := maps.Clone(request.Mine)
		tags[key.Architecture] = begun.Architecture
		ids, err := r.removeImage(ctx, begun, "", tags)
		mu.Lock()
		defer mu.Unlock()
		removed = append(removed, ids...)
		if err != nil {
			left = append(left, fmt.Sprintf("perhaps an image for %s in %s (%v)", begun.Architecture, begun.Region,
				err))
		}
	})
	slices.Sort(removed)
	slices.Sort(left)
	return removed, left
}

// removeImage removes an image or a copy that may have been started and was not handed over.
func (r *remover) removeImage(ctx context.Context, begun Begun, id string, tags map[string]string) ([]string, error) {
	if begun.Snapshots > 0 {
		return r.removeCopy(ctx, begun, id, tags)
	}
	return r.removeBegun(ctx, begun.Region, id, tags)
}

// remover removes builders and images, with retries until its context ends.
type remover struct {
	cloud *ec2.Client
	log   *slog.Logger
	line  func(string) string
}

// terminate terminates a builder. Right after its launch EC2 may not know it yet.
func (r *remover) terminate(ctx context.Context, region, id string) error {
	err := r.cloud.End(ctx, region, id)
	if err == nil {
		r.log.Info(r.line(fmt.Sprintf("AWS EC2 instance %s is terminated", id)))
	}
	return err
}

// terminateByToken terminates what a call launched whose response was lost. Finding nothing is not an error.
func (r *remover) terminateByToken(ctx context.Context, region, token string) error {
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return r.cloud.EndByToken(looking, region, ec2.Selector{ClientToken: token, TokenTag: key.ClientToken},
		func(i ec2.Instance) error { return r.terminate(ctx, region, i.ID) })
}

// removeBegun removes the image with an id or, if the response with the id was lost, the images with the tags, as soon
// as EC2 shows them; and the snapshots that an incomplete image may have left.
func (r *remover) removeBegun(ctx context.Context, region, id string, tags map[string]string) (removed []string,
	err error) {
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	images := []ec2.Image{{ID: id}}
	if id == "" {
		images, err = r.find(looking, region, tags)
		if err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, image := range images {
		err := ec2.RetryUntilRefused(ctx, ec2.EndRetryDelay,
			func() error { return r.cloud.Images().Remove(ctx, region, image.ID, image.Snapshots) })
		if err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, image.ID)
		r.log.Info(r.line(fmt.Sprintf("image %s is removed: it was not finished", image.ID)))
	}
	if len(images) > 0 {
		err := ec2.RetryUntilRefused(ctx, ec2.EndRetryDelay,
			func() error { return r.removeSnapshots(ctx, region, tags) })
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// find looks for images until some are visible or the time is over; finding none is not an error.
func (r *remover) find(ctx context.Context, region string, tags map[string]string) (images []ec2.Image, failed error) {
	_ = ec2.RetryUntilRefused(ctx, time.Second, func() error {
		found, err := r.cloud.Images().List(ctx, region, ec2.ImageQuery{Owner: ec2.Self, Tags: tags})
		if err != nil {
			if failed == nil || ctx.Err() == nil {
				failed = err
			}
			return err
		}
		failed = nil
		if images = found; len(found) == 0 {
			return errNotYet
		}
		return nil
	})
	return images, failed
}

func (r *remover) removeSnapshots(ctx context.Context, region string, tags map[string]string) error {
	snapshots, err := r.cloud.Images().Snapshots(ctx, region, tags)
	if err != nil {
		return err
	}
	var errs []error
	for _, snapshot := range snapshots {
		errs = append(errs, r.cloud.Images().DeleteSnapshot(ctx, region, snapshot.ID))
	}
	return errors.Join(errs...)
}

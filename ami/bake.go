package ami

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// steps returns the steps of one image in their order. If nothing has changed since an earlier image, those that make a
// new image are skipped. In any case tidy follows: it removes the builder, and an image that is not complete.
func (b *bake) steps() []step {
	if b.source != nil {
		return copying{b}.steps()
	}
	steps := []step{
		{"find the base image", always, b.findBase},            // by id, or the newest Ubuntu LTS by Canonical
		{"compare with the newest image", always, b.recognise}, // skip if recipe, base and runner are unchanged
		{"look at the builder's types", toMake, b.chooseTypes}, // only Nitro types show their console while they run
		// over all types and subnets; the recipe is its user data
		{"launch the builder", toMake, b.launch},
		{"wait for the builder", toMake, b.listen}, // until its console shows the verdict
		{"stop the builder", toMake, b.stop},       // for a consistent image of its disk
		{"create the image", toMake, b.create},     // with tags on image and snapshots
		{"wait for the image", toMake, b.await},    // then it is handed over
		{"prune old images", always, b.prune},      // only unused ones of ours
	}
	if len(b.request.Copies.Regions) > 0 { // check before anything is made
		steps = append([]step{{"look at the other regions", always, b.examineRegions}}, steps...)
	}
	return steps
}

// step is one step of a bake.
type step struct {
	name string
	when when
	run  func(context.Context) error
}

type when bool

const (
	always when = false
	toMake when = true // only if an image is to be made
)

// Bake makes all images of the request in parallel, and then copies each into the other regions, in parallel too. The
// result contains what was made, even with an error. The error is a *FailedError, several joined, or the context's.
// Incomplete images and builders are removed in any case.
func (k *Baker) Bake(ctx context.Context, request Request) (Result, error) {
	begun := time.Now()
	request.Region = cmp.Or(request.Region, k.Cloud.Region())
	cancelled := ec2.CancelledAt(ctx)
	request.Copies.Regions = others(request)
	lines := make([][]*bake, len(request.Builders)) // for each architecture: its image and its copies
	var group sync.WaitGroup
	for i, wanted := range request.Builders {
		b := &bake{baker: k, request: request, wanted: wanted, begun: begun, log: k.Log}
		b.out = Baked{Architecture: wanted.Architecture, Region: request.Region}
		group.Go(func() {
			b.run(ctx, cancelled)
			lines[i] = append([]*bake{b}, b.copyAll(ctx, cancelled)...)
		})
	}
	group.Wait()
	result := Result{Took: time.Since(begun)}
	var errs []error
	for _, b := range slices.Concat(lines...) {
		result.Images = append(result.Images, b.out)
		result.Warnings = append(result.Warnings, b.warnings...)
		if b.out.Failure != nil {
			errs = append(errs, b.out.Failure)
		}
	}
	if ctx.Err() != nil && len(errs) > 0 {
		return result, context.Cause(ctx)
	}
	return result, errors.Join(errs...)
}

// bake is the state of one image, or of the copy of one in another region.
type bake struct {
	baker   *Baker
	source  *bake // the image that this is a copy of; nil: not a copy
	request Request
	wanted  machine.Machine
	begun   time.Time
	log     *slog.Logger

	base      ec2.Image
	recipe    Recipe
	deaf      []string      // instance types that are not Nitro
	builder   ec2.Instance  // no ID before it is launched
	trail     []ec2.Attempt // of the launch
	verdict   Verdict
	asked     bool   // CreateImage or CopyImage was called, so an image may exist
	imageID   string // of the image that EC2 is creating
	name      string
	tags      map[string]string // of the image
	disks     int               // how many snapshots it has
	handed    bool              // the image is in the outputs, so it is kept
	unchanged bool

	out      Baked
	warnings []string
}

// run runs the steps, and tidies up.
func (b *bake) run(ctx context.Context, cancelled func() time.Time) {
	limited, done := context.WithTimeoutCause(ctx, b.timeout().after, b.timeout())
	defer done()
	var failure *FailedError
	for _, s := range b.steps() {
		if s.when == toMake && b.unchanged {
			continue
		}
		b.log = b.phase(s.name)
		from := time.Since(b.begun)
		err := s.run(limited)
		b.out.Steps = append(b.out.Steps, Took{s.name, from, time.Since(b.begun) - from})
		if limited.Err() != nil && (err != nil || !b.handed) {
			err = b.cutShort(limited, err)
		}
		if err != nil {
			failure = b.failed(s.name, err)
			break
		}
	}
	left := b.tidy(ctx, cancelled)
	b.out.Left = left
	if failure != nil {
		failure.Left = left
	}
	for _, what := range left {
		if failure == nil {
			b.warn("left behind: " + what)
		}
	}
	b.out.Failure = failure
}

// timeoutError means that the time for an image, or for a copy, is over.
type timeoutError struct {
	after       time.Duration
	input, hint string
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("it did not finish within %.0f minutes (%s)", e.after.Minutes(), e.input)
}

func (b *bake) timeout() *timeoutError {
	if b.source != nil {
		return &timeoutError{b.request.Copies.Timeout, "copy-timeout-minutes", hintCopyTimeout}
	}
	return &timeoutError{b.request.Timeout, "bake-timeout-minutes", hintTimeout}
}

// cutShort returns why a step was interrupted.
func (b *bake) cutShort(ctx context.Context, err error) error {
	over, ok := errors.AsType[*timeoutError](context.Cause(ctx))
	if !ok {
		return context.Cause(ctx)
	}
	message := over.Error()
	if b.verdict.Step != "" && b.imageID == "" {
		message += "; the builder's last step was " + b.verdict.Step
	}
	return &FailedError{Message: message, Hint: over.hint, Err: errors.Join(over, err)}
}

// failed returns the failure of a step: which step, why, what to do, and the end of the builder's console.
func (b *bake) failed(step string, err error) *FailedError {
	f, ok := errors.AsType[*FailedError](err)
	if !ok {
		f = &FailedError{Message: err.Error(), Hint: hintOf(err), Err: err}
	}
	f.Architecture, f.Step = b.wanted.Architecture, step
	if b.source != nil {
		f.Region = b.request.Region
	}
	f.Console = b.verdict.Lines
	return f
}

// phase returns the logger of a step. Several images in parallel share one group, and each line names its image.
func (b *bake) phase(step string) *slog.Logger {
	switch {
	case len(b.request.Builders) > 1:
		return b.baker.Log.With("phase", "Bake")
	case b.source != nil:
		return b.baker.Log.With("phase", "Copy the image to other regions")
	}
	return b.baker.Log.With("phase", strings.ToUpper(step[:1])+step[1:])
}

func (b *bake) line(message string) string {
	switch several := len(b.request.Builders) > 1; {
	case several && b.source != nil:
		return b.wanted.Architecture + " in " + b.request.Region + ": " + message
	case several:
		return b.wanted.Architecture + ": " + message
	case b.source != nil:
		return b.request.Region + ": " + message
	}
	return message
}

func (b *bake) info(format string, args ...any) { b.log.Info(b.line(fmt.Sprintf(format, args...))) }

// warn logs and records something that the user should know and that does not stop the bake.
func (b *bake) warn(message string) {
	message = b.line(message)
	b.warnings = append(b.warnings, message)
	b.log.Warn(message)
}

// handOver writes the image to the outputs: from now on it is kept.
func (b *bake) handOver(image ec2.Image) error {
	b.handed = true
	b.out.ImageID, b.out.Name, b.out.Unchanged = image.ID, cmp.Or(image.Name, b.name), b.unchanged
	if b.source == nil {
		b.disks = len(image.Snapshots)
	}
	if b.tags == nil { // it existed before this bake
		b.tags = image.Tags
	}
	return b.baker.Journal.Baked(b.out)
}

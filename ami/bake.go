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

// steps are those of one image, in their order. Where nothing has changed since an earlier image, the ones that make a
// new image are left out. Whatever comes of them, tidy follows: the builder goes, and so does an image that is not
// whole.
func (b *bake) steps() []step {
	if b.source != nil {
		return copying{b}.steps()
	}
	steps := []step{
		{"find the base image", always, b.findBase},            // by id, or Canonical's newest Ubuntu LTS
		{"compare with the newest image", always, b.recognise}, // the same recipe, base and runner are not baked twice
		{"look at the builder's types", toMake, b.chooseTypes}, // off Nitro no builder can be heard
		// over all types and subnets; the recipe is its user data
		{"launch the builder", toMake, b.launch},
		{"wait for the builder", toMake, b.listen}, // until its console says how it went
		{"stop the builder", toMake, b.stop},       // a disk that nobody writes to makes a whole image
		{"create the image", toMake, b.create},     // with tags on image and snapshots
		{"wait for the image", toMake, b.await},    // from then on it is handed over
		{"prune old images", always, b.prune},      // never one that is used, or not ours
	}
	if len(b.request.Copies.Regions) > 0 { // what cannot be copied is known before it is made
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
	toMake when = true // only where an image is to be made
)

// Bake makes all images of the request, side by side. The result is as complete as the bake came, beside the error,
// which is a *FailedError, or several joined, or the end of the context. What was made and is not a whole image is
// removed in any case. An image that was made is copied into the other regions, side by side too.
func (k *Baker) Bake(ctx context.Context, request Request) (Result, error) {
	begun := time.Now()
	request.Region = cmp.Or(request.Region, k.Cloud.Region())
	cancelled := ec2.CancelledAt(ctx)
	request.Copies.Regions = others(request)
	lines := make([][]*bake, len(request.Builders)) // of each architecture: its image, and the copies of that
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

// bake is one image under way, or the copy of one in another region.
type bake struct {
	baker   *Baker
	source  *bake // of a copy; nil: the image is made here
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
	asked     bool   // CreateImage or CopyImage was, so that there may be an image
	imageID   string // of the image that was begun
	name      string
	tags      map[string]string // of the image
	disks     int               // how many snapshots it has
	handed    bool              // the image is handed over, so it stays
	unchanged bool

	out      Baked
	warnings []string
}

// run goes through the steps, and tidies up.
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

// timeoutError is the end of the time for an image, or for a copy.
type timeoutError struct {
	after       time.Duration
	input, hint string
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("it did not come to its end within %.0f minutes (%s)", e.after.Minutes(), e.input)
}

func (b *bake) timeout() *timeoutError {
	if b.source != nil {
		return &timeoutError{b.request.Copies.Timeout, "copy-timeout-minutes", hintCopyTimeout}
	}
	return &timeoutError{b.request.Timeout, "bake-timeout-minutes", hintTimeout}
}

// cutShort returns why a step did not come to its end.
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

// failed makes of a step's error what is told: which step, why, what to do, and the builder's last words.
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

// phase is the log of a step. Several images side by side share one group, and each line names its image.
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

// warn says something that the user should know and that does not stop the bake.
func (b *bake) warn(message string) {
	message = b.line(message)
	b.warnings = append(b.warnings, message)
	b.log.Warn(message)
}

// handOver gives the image to the user: from now on it stays.
func (b *bake) handOver(image ec2.Image) error {
	b.handed = true
	b.out.ImageID, b.out.Name, b.out.Unchanged = image.ID, cmp.Or(image.Name, b.name), b.unchanged
	if b.source == nil {
		b.disks = len(image.Snapshots)
	}
	if b.tags == nil { // it was there before
		b.tags = image.Tags
	}
	return b.baker.Journal.Baked(b.out)
}

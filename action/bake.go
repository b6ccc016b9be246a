package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// bakeError is returned by a bake that did not make every image.
type bakeError struct {
	problems []Problem
	refused  bool // the inputs are wrong, and nothing was made
}

func (e *bakeError) Error() string { return fmt.Sprintf("%d images were not baked", len(e.problems)) }

// runBake runs mode bake.
func runBake(ctx context.Context, c clients) (err error) {
	request, out := c.request, c.out
	bake := *request.Bake
	warn := func(text string) { out.log.Warn(text) }
	software, err := survey.Downloads{Registry: c.registry, WebURL: request.WebURL,
		Version: bake.Builders[0].RunnerVersion, Warn: warn}.Require(ctx)
	if err != nil {
		return err
	}
	bake.Software, bake.DownloadToken = software.List, software.Token
	out.Secret(bake.DownloadToken)
	id := tags.NewIdentity(request.Run, request.Scope, modeBake)
	bake.Identity = ami.Identity{
		Nonce: id.Nonce, Ours: id.ImageTags(), Mine: id.NonceTags(), Builder: id.BuilderTags, Token: id.BuilderToken,
		KeepTag: key.KeepVolumes, CopyToken: id.CopyToken,
	}
	if err := out.bakeBegun(id, bake.Builders); err != nil {
		return err
	}
	if bake.Longest() > usualSession && c.cloud.EndsUnrenewed(ctx) {
		out.log.Warn(sessionMayEnd(bake))
	}
	result, err := c.baker().Bake(ctx, bake)
	return out.bakeDone(result, err)
}

// bakeBegun saves what the post step needs, before anything is created.
func (o *output) bakeBegun(id tags.Identity, builders []machine.Machine) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, builder := range builders {
		o.journal.architectures = append(o.journal.architectures, builder.Architecture)
	}
	return errors.Join(o.saveState(stateNonce, id.Nonce), o.saveState(stateLabel, id.Label),
		o.saveState(stateScope, id.Scope))
}

// imageState is the saved state of one image.
type imageState struct {
	ami.Begun
	Baked bool `json:"baked,omitempty"` // in the outputs: the post step keeps it
}

// Imaging implements ami.Journal: it records an image before EC2 is asked to create it.
func (o *output) Imaging(begun ami.Begun) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.saveImage(imageState{Begun: begun})
}

// saveImage writes the state of an image, replacing an earlier one of the same architecture and region.
func (o *output) saveImage(state imageState) error {
	name := state.Architecture + " " + state.Region
	number := slices.Index(o.journal.images, name)
	if number < 0 {
		number = len(o.journal.images)
		o.journal.images = append(o.journal.images, name)
	}
	return o.saveState(fmt.Sprintf("%s%d", stateImage, number), state)
}

// Baked implements ami.Journal: it writes an image to the outputs as soon as the image can be used.
func (o *output) Baked(image ami.Baked) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byRegion == nil {
		o.images, o.byRegion = map[string]string{}, map[string]map[string]string{}
	}
	if o.byRegion[image.Region] == nil {
		o.byRegion[image.Region] = map[string]string{}
	}
	o.byRegion[image.Region][image.Architecture] = image.ImageID
	if image.CopyOf == "" {
		o.images[image.Architecture] = image.ImageID
	}
	if err := o.setImages(); err != nil || image.Unchanged { // an unchanged image existed before this bake
		return err
	}
	return o.saveImage(imageState{ami.Begun{Architecture: image.Architecture, Region: image.Region}, true})
}

// setImages writes the outputs of the images that are ready so far.
func (o *output) setImages() error {
	for name, value := range map[string]any{outImages: o.images, outByRegion: o.byRegion} {
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("write output %s: %w", name, err)
		}
		o.action.SetOutput(name, string(raw))
	}
	for _, architecture := range o.journal.architectures {
		if id := o.images[architecture]; id != "" {
			o.action.SetOutput(outImageID, id)
			break
		}
	}
	return nil
}

// bakeDone reports the end of a bake and returns its error. Only a bake that left nothing behind tells the post step to
// do nothing.
func (o *output) bakeDone(result ami.Result, err error) error {
	whole := true
	failed := &bakeError{refused: true}
	for _, image := range result.Images {
		failed.refused = failed.refused && image.ImageID == ""
		whole = whole && len(image.Left) == 0
		if f := image.Failure; f != nil {
			failed.problems = append(failed.problems, Problem{f.Error(), f.Hint})
			failed.refused = failed.refused && f.Refused
		}
	}
	if whole {
		if err := o.saveState(stateDone, true); err != nil {
			o.log.Warn(err.Error())
		}
	}
	o.handler.closeGroup()
	// The problems come first, the consoles that explain them after.
	if o.told = len(failed.problems) > 0; o.told && !errors.Is(err, context.Canceled) {
		o.problems(failed.problems...)
		o.said = true
	}
	for _, image := range result.Images {
		o.logBaked(image)
	}
	o.summarize(bakeSummary(result))
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return failed
}

// logBaked logs the result for one image.
func (o *output) logBaked(image ami.Baked) {
	o.handler.closeGroup()
	f := image.Failure
	switch {
	case image.ImageID != "" && image.Unchanged:
		o.log.Info(fmt.Sprintf("the image for %s is %s, unchanged: architecture: %s starts runners from it",
			imageOf(image), image.ImageID, image.Architecture))
	case image.ImageID != "":
		o.log.Info(fmt.Sprintf("the image for %s is %s (%s): architecture: %s starts runners from it", imageOf(image),
			image.ImageID, image.Name, image.Architecture))
	}
	if f == nil {
		return
	}
	if len(f.Console) > 0 {
		log := o.log.With("phase", "The last lines of the builder's console, "+image.Architecture)
		for _, line := range f.Console {
			log.Info("| " + line)
		}
		o.handler.closeGroup()
	}
	for _, left := range f.Left {
		o.log.Warn("left behind: " + left)
	}
}

// imageOf describes an image by its architecture and, for a copy, its region.
func imageOf(image ami.Baked) string {
	if image.CopyOf != "" {
		return image.Architecture + " in " + image.Region
	}
	return image.Architecture
}

// bakeSummary returns the job summary of a bake: the images, how long each step took, and what failed.
func bakeSummary(result ami.Result) string {
	var b strings.Builder
	made := 0
	for _, image := range result.Images {
		if image.ImageID != "" && image.Failure == nil {
			made++
		}
	}
	switch {
	case made == len(result.Images):
		fmt.Fprintf(&b, "### Images after %s\n\n", seconds(result.Took))
	case made == 0:
		b.WriteString("### No image was baked\n\n")
	default:
		fmt.Fprintf(&b, "### %d of %d images after %s\n\n", made, len(result.Images), seconds(result.Took))
	}
	for _, image := range result.Images {
		bakeFailure(&b, image.Failure)
	}
	b.WriteString("| architecture | image | region | base | runner | builder | removed " +
		"|\n|---|---|---|---|---|---|---|\n")
	for _, image := range result.Images {
		name := code(strings.TrimSpace(image.ImageID + " " + image.Name))
		if image.Unchanged {
			name += " (unchanged)"
		}
		if image.ImageID == "" {
			name = code("")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", image.Architecture, name, cell(image.Region),
			code(strings.TrimSpace(image.BaseImage+" "+image.BaseName)),
			cell(image.RunnerVersion), code(strings.TrimSpace(image.Builder+" "+image.InstanceType)),
			code(strings.Join(image.Pruned, " ")))
	}
	b.WriteString("\n")
	bakeTimeline(&b, result)
	for _, warning := range result.Warnings {
		fmt.Fprintf(&b, "> [!WARNING]\n> %s\n\n", plain(warning))
	}
	return b.String()
}

func bakeFailure(b *strings.Builder, f *ami.FailedError) {
	if f == nil {
		return
	}
	if f.Hint != "" {
		fmt.Fprintf(b, "> [!TIP]\n> %s%s\n\n", plain(f.Hint), more(f.Hint))
	}
	fmt.Fprintf(b, "> [!CAUTION]\n> %s\n\n", plain(f.Error()))
	if len(f.Left) == 0 {
		b.WriteString("Nothing was left behind.\n\n")
	}
	for _, left := range f.Left {
		fmt.Fprintf(b, "> [!WARNING]\n> left behind: %s\n\n", plain(left))
	}
	if len(f.Console) > 0 {
		folded(b, "The last lines of the builder's console", func() { fence(b, "text", strings.Join(f.Console, "\n")) })
	}
}

// bakeTimeline shows when each step ended: as a Mermaid timeline with a section for each image or, if something failed,
// as a folded table. Mermaid ends a text at a colon, so the timeline contains only fixed words.
func bakeTimeline(b *strings.Builder, result ami.Result) {
	if slices.ContainsFunc(result.Images, func(i ami.Baked) bool { return i.Failure != nil }) {
		folded(b, "The steps, and when each ended", func() { stepsTable(b, result.Images) })
		return
	}
	b.WriteString("```mermaid\ntimeline\n")
	for _, image := range result.Images {
		fmt.Fprintf(b, "    section %s\n", imageOf(image))
		for _, step := range image.Steps {
			fmt.Fprintf(b, "        %s : %s\n", seconds(step.Begun+step.Took), step.Step)
		}
	}
	b.WriteString("```\n\n")
}

func stepsTable(b *strings.Builder, images []ami.Baked) {
	b.WriteString("| architecture | step | ended after |\n|---|---|---|\n")
	for _, image := range images {
		for _, step := range image.Steps {
			fmt.Fprintf(b, "| %s | %s | %s |\n", imageOf(image), step.Step, seconds(step.Begun+step.Took))
		}
	}
	b.WriteString("\n")
}

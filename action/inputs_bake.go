package action

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
)

// bakeReader reads the inputs of mode bake.
type bakeReader struct{ r *reader }

// bake reads which images to make and where their builders may run.
func (b bakeReader) bake(request Request) *ami.Request {
	bake := &ami.Request{
		Source: strings.TrimSpace(request.Run.Repository + " run " + request.Run.ID), Region: request.Region,
		BaseImages: b.baseImages(), ImageName: b.imageName(), Keep: b.r.number("keep-images", 0, 1000),
		Force:    b.r.ownFlag("force"),
		Timeout:  time.Duration(b.r.number("bake-timeout-minutes", 1, 1440)) * time.Minute,
		Copies:   b.copies(),
		Builders: b.r.inputs().Builders(),
	}
	if len(b.r.invalid.Problems) == 0 {
		b.checkRecipes(*bake)
	}
	return bake
}

var imageIDForm = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

func (b bakeReader) baseImages() []string {
	list := b.r.list("base-image-id")
	for _, id := range list {
		if !imageIDForm.MatchString(id) {
			b.r.refuse(fmt.Sprintf("The 'base-image-id' input holds %q, which is not an image id.", id),
				"for example base-image-id: ami-0123456789abcdef0, or leave it out for the newest Ubuntu LTS")
		}
	}
	return list
}

// imageNameForm is EC2's rule for image names, less the room for what a bake may append.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
var imageNameForm = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,110}$`)

func (b bakeReader) imageName() string {
	name := b.r.text("image-name")
	if name != "" && !imageNameForm.MatchString(name) {
		b.r.refuse(fmt.Sprintf("The 'image-name' input is %q, which EC2 does not accept as an image name.", name),
			"use 3 to 110 letters, digits and ()[] ./-'@_, for example image-name: tests-${{ github.run_id }}")
	}
	return name
}

// checkRecipes refuses recipes that exceed EC2's limit of 16 KB of user data.
func (b bakeReader) checkRecipes(bake ami.Request) {
	for _, builder := range bake.Builders {
		if err := ami.CheckUserData(builder); err != nil {
			b.r.refuse("The builder's user data is too large: "+err.Error()+".",
				"make setup-script shorter: let it fetch the rest")
			return
		}
	}
}

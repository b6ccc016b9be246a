package action

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/runner"
)

// bake reads what images to make and where their builders may run.
func (r *reader) bake(request Request) *ami.Request {
	bake := &ami.Request{
		Source: strings.TrimSpace(request.Run.Repository + " run " + request.Run.ID), Region: request.Region,
		BaseImages: r.baseImages(), ImageName: r.imageName(), Keep: r.number("keep-images", 0, 1000, 3),
		Force:       r.ownFlag("force"),
		Timeout:     time.Duration(r.number("bake-timeout-minutes", 1, 1440, 50)) * time.Minute,
		SetupScript: r.setupScript(), CACertificates: request.CACertificates,
		Profile: r.text("iam-role-name"), Tags: r.tags(), Root: r.rootVolume(), Overlay: r.bakeParameters(),
	}
	bake.Architectures = r.architectures()
	bake.Placements = r.bakePlacements(bake.Overlay)
	bake.Devices, bake.Metadata = r.devices(), r.metadata()
	if bake.Root.GiB == 0 && bake.Devices.Len() == 0 {
		bake.Root.GiB = defaultVolume
	}
	if slices.Contains(r.list("market-type"), runner.Spot) {
		r.warn("The 'market-type' input names spot, which a bake does not use: EC2 cannot stop a spot instance, and only a " +
			"stopped one makes a whole image")
	}
	if len(r.invalid.Problems) == 0 {
		r.checkRecipes(*bake)
	}
	return bake
}

// architectures reads which images to make, and the types of their builders.
func (r *reader) architectures() []ami.Wanted {
	const example = "for example architecture: amd64,arm64"
	list := r.list("architecture")
	if len(list) == 0 {
		r.refuse("The 'architecture' input is required for the 'bake' mode.", example)
	}
	types := r.list("ec2-instance-type")
	if len(list) > 1 && len(types) > 0 {
		r.refuse("The 'ec2-instance-type' input is for one architecture, and several are to be baked.",
			"leave it out, or bake each architecture in a step of its own")
	}
	var wanted []ami.Wanted
	for _, architecture := range list {
		usual, known := architectures[architecture]
		switch {
		case !known:
			r.refuse(fmt.Sprintf("The 'architecture' input holds %q, which is none of amd64, arm64 and cuda.", architecture),
				example)
			continue
		case slices.ContainsFunc(wanted, func(w ami.Wanted) bool { return w.Architecture == architecture }):
			r.refuse(fmt.Sprintf("The 'architecture' input holds %q twice.", architecture), example)
			continue
		case len(types) > 0:
			usual = types
		}
		wanted = append(wanted, ami.Wanted{Architecture: architecture, InstanceTypes: usual,
			TypesOfArchitecture: len(types) == 0})
	}
	return wanted
}

var imageIDForm = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

func (r *reader) baseImages() []string {
	list := r.list("base-image-id")
	for _, id := range list {
		if !imageIDForm.MatchString(id) {
			r.refuse(fmt.Sprintf("The 'base-image-id' input holds %q, which is not an image's id.", id),
				"for example base-image-id: ami-0123456789abcdef0, or leave it out for the newest Ubuntu LTS")
		}
	}
	return list
}

// imageNameForm is EC2's, with room for what a bake may append.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
var imageNameForm = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,110}$`)

func (r *reader) imageName() string {
	name := r.text("image-name")
	if name != "" && !imageNameForm.MatchString(name) {
		r.refuse(fmt.Sprintf("The 'image-name' input is %q, which EC2 does not take for an image's name.", name),
			"it has 3 to 110 letters, digits and ()[] ./-'@_, for example image-name: tests-${{ github.run_id }}")
	}
	return name
}

// bakeParameters reads launch-parameters, without those that a builder lives by.
func (r *reader) bakeParameters() runner.Parameters {
	parameters := r.launchParameters()
	for _, name := range []string{"ImageId", "InstanceInitiatedShutdownBehavior", "InstanceMarketOptions"} {
		if parameters.Has(name) {
			r.refuse(fmt.Sprintf("launch-parameters sets %s, which a bake sets itself.", name),
				"take it out; the base is given by base-image-id")
		}
	}
	return parameters
}

// bakePlacements reads where a builder may run: any of the subnets, with all of the groups.
func (r *reader) bakePlacements(given runner.Parameters) []runner.Placement {
	subnets, groups := r.list("subnet-id"), r.list("security-group-id")
	has := func(names ...string) bool { return slices.ContainsFunc(names, given.Has) }
	if (len(subnets) == 0 && !has("LaunchTemplate", "NetworkInterfaces", "SubnetId")) ||
		(len(groups) == 0 && !has("LaunchTemplate", "NetworkInterfaces", "SecurityGroupIds", "SecurityGroups")) {
		r.refuse("The 'subnet-id' and 'security-group-id' inputs are required for the 'bake' mode.",
			"for example subnet-id: subnet-0123456789abcdef0, security-group-id: sg-0123456789abcdef0; the builder must get "+
				"out to its package repositories")
	}
	if len(subnets) == 0 {
		subnets = []string{""}
	}
	var list []runner.Placement
	for _, subnet := range subnets {
		list = append(list, runner.NewPlacement("", "", subnet, groups...))
	}
	return list
}

// checkRecipes refuses what would not fit into EC2's 16 KB of user data.
func (r *reader) checkRecipes(bake ami.Request) {
	for _, wanted := range bake.Architectures {
		if err := bake.CheckUserData(wanted.Architecture); err != nil {
			r.refuse("The builder's user data is too large: "+err.Error()+".",
				"make setup-script shorter: let it fetch the rest")
			return
		}
	}
}

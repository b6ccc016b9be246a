package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// vendors are the account ids under which vendors publish images.
// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
// https://wiki.debian.org/Cloud/AmazonEC2Image
var vendors = map[string]string{"099720109477": "Canonical", "136693071363": "Debian"}

// imageKey distinguishes images; "" if none is named.
func imageKey(w wanted) string {
	if w.asked.Placement.ImageID == "" {
		return ""
	}
	return w.region + " " + w.asked.Placement.ImageID
}

func (x *examination) lookAtImages(ctx context.Context) []Finding {
	const check = "image"
	return orNothing(each(x.wanted(ctx), imageKey, func(w wanted) []Finding {
		l := look{check: check, about: in(w.asked.Placement.ImageID, w.region), needs: "ec2:DescribeImages"}
		if strings.HasPrefix(w.asked.Placement.ImageID, "resolve:") {
			return []Finding{l.unchecked("EC2 looks this name up at launch, and a dry run does not")}
		}
		image, err := x.image(ctx, w.region, w.asked.Placement.ImageID)
		if err != nil {
			return []Finding{l.unread(ctx, err)}
		}
		return slices.Concat([]Finding{x.owned(ctx, l, image)}, x.system(l, image), x.rootDevice(l, w, image))
	}), check, "no image is named: the launch template sets it, or this action has made none")
}

// owned checks that the image can become a runner, and whose it is.
func (x *examination) owned(ctx context.Context, l look, image ec2.Image) Finding {
	switch refusal := image.Refusal(); {
	case image.State != "available":
		return l.failed("wait until it is available, or use another image", "it is %s",
			cmp.Or(image.State, "in no known state"))
	case refusal != "":
		return l.failed("use an image of Amazon Linux, Ubuntu or Debian", "%s", refusal)
	case vendors[image.Owner] != "":
		return l.ok("%s, of %s", image.Name, vendors[image.Owner])
	case image.OwnerAlias != "":
		return l.ok("%s, of %s", image.Name, image.OwnerAlias)
	}
	caller, err := x.caller(ctx)
	switch {
	case err != nil:
		return l.unchecked("it belongs to account %s, and our account is not known", image.Owner)
	case caller.Account != image.Owner:
		return l.warning("make sure that you trust that account: the owner of an image controls the runner and the "+
			"secrets of its jobs",
			"%s belongs to account %s, which is neither ours (%s) nor a known vendor's", image.Name, image.Owner,
			caller.Account)
	}
	return l.ok("%s, our own", image.Name)
}

// system reports what the image's operating system means for a runner, if it is known.
func (x *examination) system(l look, image ec2.Image) []Finding {
	l = l.with("system")
	switch system := image.System(x.request.SystemTag); {
	case system.TooOldForNode():
		return []Finding{l.warning("use Amazon Linux 2023, Ubuntu or Debian",
			"%s cannot run JavaScript actions (such as actions/checkout): the runner's node needs glibc "+
				"2.28 and it has 2.26",
			system)}
	case system.Untested():
		return []Finding{l.ok("%s, which this action's tests do not cover", system)}
	}
	return nil
}

// rootDevice checks ec2-device-name: a device other than the image's root device adds a second disk.
func (x *examination) rootDevice(l look, w wanted, image ec2.Image) []Finding {
	l = l.with("root device")
	device := w.launch.Spec.Root.Device
	switch {
	case image.RootDevice == "":
		return []Finding{l.warning("create the image again with a root device",
			"the image names no root device, so ec2-volume-size applies to /dev/sda1")}
	case device != "" && device != image.RootDevice:
		return []Finding{l.warning("omit ec2-device-name, or set it to "+image.RootDevice,
			"ec2-device-name is %s and the image's root device %s: the machine gets a second disk, and its "+
				"root stays as it is",
			device, image.RootDevice)}
	}
	return []Finding{l.ok("%s", image.RootDevice)}
}

// maxImageAge is how long GitHub accepts a release of the runner, and so an image that contains it.
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners#runner-software-updates-on-self-hosted-runners
const maxImageAge = 30 * 24 * time.Hour

func (x *examination) lookAtAges(ctx context.Context) []Finding {
	const check = "image age"
	findings := each(x.wanted(ctx), imageKey, func(w wanted) []Finding {
		image, err := x.image(ctx, w.region, w.asked.Placement.ImageID)
		version := image.Tags[x.request.VersionTag]
		if err != nil || version == "" {
			return nil
		}
		l := look{check: check, about: in(image.ID, w.region)}
		created, err := time.Parse(time.RFC3339, image.Created)
		if err != nil {
			return []Finding{l.unchecked("its date cannot be read: %q", image.Created)}
		}
		age := x.request.Now.Sub(created)
		if age > maxImageAge {
			return []Finding{l.warning("bake it again (mode: bake), preferably on a schedule",
				"it was made %d days ago with runner %s, and GitHub accepts a release for 30 days; the machine "+
					"downloads a newer one at each start", int(age.Hours()/24), version)}
		}
		return []Finding{l.ok("made %d days ago with runner %s", int(age.Hours()/24), version)}
	})
	if len(findings) == 0 {
		return []Finding{(look{check: check}).ok("no visible image was made by this action")}
	}
	return findings
}

func (x *examination) lookAtTypes(ctx context.Context) []Finding {
	const check = "instance type"
	return orNothing(each(x.wanted(ctx), wanted.key, func(w wanted) []Finding {
		l := look{check: check, about: w.String(), needs: "ec2:DescribeInstanceTypes"}
		if w.asked.InstanceType == "" {
			return []Finding{l.unchecked("the launch template sets the type")}
		}
		kind, found, err := x.instanceType(ctx, w.region, w.asked.InstanceType)
		switch {
		case err != nil:
			return []Finding{l.unread(ctx, err)}
		case !found:
			return []Finding{l.failed("check the type's name, or use one that the region has", "%s has no such type",
				w.region)}
		case len(kind.Markets) > 0 && !slices.Contains(kind.Markets, w.offering.Market):
			return []Finding{l.failed("use another type, or market-type: on-demand", "it is not sold as %s",
				w.offering.Market)}
		}
		return []Finding{x.fits(ctx, l, w, kind), x.offered(ctx, l, w)}
	}), check, "nothing is to be launched")
}

// fits checks whether the type runs the image.
func (x *examination) fits(ctx context.Context, l look, w wanted, kind ec2.InstanceType) Finding {
	l = l.with("type fits image")
	if id := w.asked.Placement.ImageID; id == "" || strings.HasPrefix(id, "resolve:") {
		return l.unchecked("the image is not known before the launch")
	}
	image, err := x.image(ctx, w.region, w.asked.Placement.ImageID)
	switch {
	case err != nil:
		return l.unchecked("the image cannot be read, see image")
	case len(kind.Architectures) > 0 && !slices.Contains(kind.Architectures, image.Architecture):
		return l.failed("use a type and an image of one architecture", "the type runs %s and the image is %s",
			strings.Join(kind.Architectures, ", "), image.Architecture)
	case kind.NeedsENA && image.NoENA:
		return l.failed("use an image with ENA support, or an older type",
			"the type needs the elastic network adapter (ENA), and the image has no driver for it")
	}
	if system := image.System(x.request.SystemTag); system.OnType(w.asked.InstanceType) == ec2.RunsNot {
		if w.launch.Spec.TypesOfArchitecture {
			return l.ok("the image is %s, which does not boot on Graviton 1, so a start uses the "+
				"architecture's other types",
				system)
		}
		return l.warning("use a type with Graviton 2 or newer, such as t4g.xlarge",
			"the type has Graviton 1, on which %s does not boot: its kernel panics", system)
	}
	return l.ok("both %s", image.Architecture)
}

// offered checks whether the zone offers the type.
func (x *examination) offered(ctx context.Context, l look, w wanted) Finding {
	l = l.with("type in zone")
	l.needs = "ec2:DescribeInstanceTypeOfferings"
	if w.asked.Placement.SubnetID == "" {
		return l.unchecked("the zone is not known before the launch")
	}
	subnet, err := x.subnet(ctx, w.region, w.asked.Placement.SubnetID)
	if err != nil {
		return l.unchecked("the subnet's zone cannot be read, see subnet")
	}
	key := "offered " + w.region + " " + w.asked.InstanceType
	zones, err := once(x, key,
		func() ([]string, error) { return x.cloud.Account().OfferedIn(ctx, w.region, w.asked.InstanceType) })
	switch {
	case err != nil:
		return l.unread(ctx, err)
	case !slices.Contains(zones, subnet.Zone):
		return l.failed("use a subnet in another zone, or another type", "%s does not offer it; the zones that do: %s",
			subnet.Zone, cmp.Or(strings.Join(zones, ", "), "none"))
	}
	return l.ok("%s offers it", subnet.Zone)
}

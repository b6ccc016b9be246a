package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// checks is the list: everything that is looked at, in the order in which it is reported.
func (x *examination) checks() []Check {
	if x.request.Existing != nil {
		return x.existingChecks()
	}
	list := []Check{
		probe{"credentials", x.lookAtCredentials},               // who they are
		probe{"region", x.lookAtRegions},                        // enabled for the account
		probe{"launch", launchChecks{x}.lookAtLaunches},         // the start's own request, as a dry run
		probe{"stop", launchChecks{x}.lookAtStop},               // to end, to see, to tag what was launched
		probe{"image", x.lookAtImages},                          // there, trusted, Linux, root device
		probe{"image age", x.lookAtAges},                        // of images that this action has made
		probe{"volumes", x.lookAtVolumes},                       // end with their machine
		probe{"subnet", x.lookAtSubnets},                        // there, with free addresses
		probe{"security group", x.lookAtGroups},                 // of the subnet's VPC, lets 443 out
		probe{"internet access", x.lookAtWays},                  // a route to the internet, and an address for it
		probe{"instance type", x.lookAtTypes},                   // offered in the zone, runs the image
		probe{"vcpu quota", x.lookAtQuotas},                     // where it may be read
		probe{"spot role", x.lookAtSpotRole},                    // EC2's service-linked role
		probe{"github token", githubChecks{x}.lookAtToken},      // valid, what kind, may manage runners
		probe{"github rate limit", githubChecks{x}.lookAtLimit}, // what is left of the hour
		probe{"runner group", githubChecks{x}.lookAtGroup},      // there
		probe{"runner version", githubChecks{x}.lookAtVersion},  // still taken by GitHub
	}
	if x.request.BySpotScore {
		list = append(list, probe{"spot scores", x.lookAtSpotScores}) // EC2 would give them
	}
	return list
}

// probe is a check that is one function.
type probe struct {
	name string
	look func(context.Context) []Finding
}

// Name implements Check.
func (p probe) Name() string { return p.name }

// Look implements Check.
func (p probe) Look(ctx context.Context) []Finding { return p.look(ctx) }

// wanted is one offering of the start, with all that its request says.
type wanted struct {
	launch   *Launch
	index    int // among the launch's offerings
	offering ec2.Offering
	asked    ec2.Offering // with image, subnet and groups as the request has them
	public   *bool        // whether it asks for a public address; nil: the subnet decides
	region   string
	problem  error // why there is no request
}

func (w wanted) String() string {
	text := strings.TrimSpace(w.launch.Name + " " + w.asked.InstanceType + " " + w.offering.Market)
	if w.asked.Placement.ImageID != "" {
		text += " from " + w.asked.Placement.ImageID
	}
	if w.asked.Placement.SubnetID != "" {
		text += " in " + w.asked.Placement.SubnetID
	}
	return text + " (" + w.region + ")"
}

// key distinguishes offerings that the start asks for differently.
func (w wanted) key() string {
	return fmt.Sprintf("%s %s %v %s", w, w.asked.Placement.ImageID, w.asked.Placement.SecurityGroupIDs, w.launch.Name)
}

// wanted lists every offering. Where a start would choose the image, it is chosen here too.
func (x *examination) wanted(ctx context.Context) []wanted {
	var list []wanted
	for l := range x.request.Launches {
		launch := &x.request.Launches[l]
		for i, offering := range launch.Offerings {
			w := wanted{launch: launch, index: i, offering: offering, region: x.regionOf(offering.Placement)}
			if offering.Placement.ImageID == "" && launch.Spec.Architecture != "" {
				image, found, err := x.newest(ctx, w.region,
					map[string]string{x.request.ArchitectureTag: launch.Spec.Architecture})
				switch {
				case err != nil:
					w.problem = err
				case !found:
					w.problem = errNoImage
				}
				w.offering.Placement.ImageID = image.ID
			}
			asked, public, err := launch.Spec.Asked(i, w.offering)
			w.asked, w.public = asked, public
			if err != nil {
				w.problem = err
			}
			list = append(list, w)
		}
	}
	return list
}

// maxConcurrent bounds how much one check asks at the same time.
const maxConcurrent = 10

// each looks at things side by side and keeps their order. A thing that several offerings share is looked at once, by
// its key; an empty key is left out.
func each[T any](things []T, key func(T) string, look func(T) []Finding) []Finding {
	var once []T
	seen := map[string]bool{"": true}
	for _, thing := range things {
		if k := key(thing); !seen[k] {
			seen[k] = true
			once = append(once, thing)
		}
	}
	found := make([][]Finding, len(once))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, thing := range once {
		group.Go(func() error {
			found[i] = look(thing)
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(found...)
}

// orNothing is a finding for a check that found nothing to look at.
func orNothing(findings []Finding, check, why string) []Finding {
	if len(findings) > 0 {
		return findings
	}
	return []Finding{{Check: check, Result: Unchecked, Reason: why}}
}

func in(id, region string) string { return fmt.Sprintf("%s in %s", id, region) }

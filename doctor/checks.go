package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// checks returns the checks in the order of the report.
func (x *examination) checks() []Check {
	if x.request.Existing != nil {
		return x.existingChecks()
	}
	list := []Check{
		probe{"credentials", x.lookAtCredentials},       // who signs in
		probe{"region", x.lookAtRegions},                // enabled for the account
		probe{"launch", launchChecks{x}.lookAtLaunches}, // the start's own request, as a dry run
		probe{"stop", launchChecks{x}.lookAtStop},       // to terminate, list and tag what was launched
		probe{"image", x.lookAtImages},                  // exists, trusted, Linux, root device
		probe{"image age", x.lookAtAges},                // of images that this action has made
		probe{"volumes", x.lookAtVolumes},               // deleted with their machine
		probe{"subnet", x.lookAtSubnets},                // exists, with free addresses
		probe{"security group", x.lookAtGroups},         // in the subnet's VPC, allows outbound 443
		probe{"internet " +
			"access", x.lookAtWays}, // a route to the internet, and a public address if needed
		probe{"instance type", x.lookAtTypes},                   // offered in the zone, runs the image
		probe{"vcpu quota", x.lookAtQuotas},                     // if it may be read
		probe{"spot role", x.lookAtSpotRole},                    // EC2's service-linked role
		probe{"github token", githubChecks{x}.lookAtToken},      // valid, what kind, may manage runners
		probe{"github rate limit", githubChecks{x}.lookAtLimit}, // calls left in the hour
		probe{"runner group", githubChecks{x}.lookAtGroup},      // exists
		probe{"runner version", githubChecks{x}.lookAtVersion},  // still accepted by GitHub
	}
	if x.request.BySpotScore {
		list = append(list, probe{"spot scores", x.lookAtSpotScores}) // whether EC2 would return them
	}
	return list
}

// probe is a check that consists of one function.
type probe struct {
	name string
	look func(context.Context) []Finding
}

// Name implements Check.
func (p probe) Name() string { return p.name }

// Look implements Check.
func (p probe) Look(ctx context.Context) []Finding { return p.look(ctx) }

// wanted is an offering of the start and what its request to EC2 contains.
type wanted struct {
	launch   *Launch
	index    int // among the launch's offerings
	offering ec2.Offering
	asked    ec2.Offering // with image, subnet and groups of the request
	public   *bool        // whether it requests a public address; nil: the subnet decides
	region   string
	problem  error // why there is no valid request
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

// key distinguishes offerings with different requests.
func (w wanted) key() string {
	return fmt.Sprintf("%s %s %v %s", w, w.asked.Placement.ImageID, w.asked.Placement.SecurityGroupIDs, w.launch.Name)
}

// wanted returns every offering. Where a start would choose the image, so does this.
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

// maxConcurrent limits the concurrent calls of one check.
const maxConcurrent = 10

// each looks at things in parallel and returns the findings in their order. Things with the same key are looked at
// once; those with an empty key are left out.
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

// orNothing returns the findings or, if there are none, one that says why.
func orNothing(findings []Finding, check, why string) []Finding {
	if len(findings) > 0 {
		return findings
	}
	return []Finding{{Check: check, Result: Unchecked, Reason: why}}
}

func in(id, region string) string { return fmt.Sprintf("%s in %s", id, region) }

package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// locateWithin bounds the look into all other regions.
const locateWithin = 5 * time.Second

// locate finds the instance in the given or home region and, only if EC2 says there that it has none of that id, in the
// others, side by side. An instance that no region knows is gone: its zero value is returned without an error.
func (sp *stop) locate(ctx context.Context, id, given string) (ec2.Instance, error) {
	home := given
	if home == "" {
		home = sp.Cloud.Region()
	}
	instance, err := sp.Cloud.Instance(ctx, home, id)
	switch {
	case err == nil:
		return instance, nil
	case ec2.ClassOf(err) == ec2.Denied:
		sp.Log.Debug("EC2 may not be looked at, so the instance is ended unseen", "instance", id, "error", err)
		return ec2.Instance{ID: id, Region: home}, nil
	case ec2.ClassOf(err) != ec2.NotFound:
		return ec2.Instance{}, err
	}
	if given != "" {
		sp.tellGone(id, []string{home}, nil)
		return ec2.Instance{}, nil
	}
	return sp.locateElsewhere(ctx, home, id)
}

// otherRegions lists where else to look.
func (sp *stop) otherRegions(ctx context.Context, home string) []string {
	regions, err := sp.Cloud.Regions(ctx)
	if err != nil {
		sp.Log.Debug("the regions cannot be listed, so a built-in list is looked through", "error", err)
	}
	return slices.DeleteFunc(slices.Clone(regions), func(region string) bool { return region == home })
}

// ofRunElsewhere finds runners of this run in all other regions. A region that may not be looked at is named.
func (sp *stop) ofRunElsewhere(ctx context.Context, home string) ([]target, error) {
	ctx, cancel := context.WithTimeout(ctx, locateWithin)
	defer cancel()
	regions := sp.otherRegions(ctx, home)
	found := make([][]target, len(regions))
	errs := make([]error, len(regions))
	var group sync.WaitGroup
	for i, region := range regions {
		group.Go(func() { found[i], errs[i] = sp.ofRunIn(ctx, region) })
	}
	group.Wait()
	var targets []target
	var unseen []string
	for i, region := range regions {
		switch {
		case errs[i] == nil:
			targets = append(targets, found[i]...)
		case ec2.ClassOf(errs[i]) == ec2.Throttle:
			return nil, errs[i]
		default:
			unseen = append(unseen, region)
		}
	}
	if len(unseen) > 0 {
		sp.warn("these regions could not be looked at for runners of this run: " + strings.Join(unseen, ", "))
	}
	return targets, nil
}

func (sp *stop) locateElsewhere(ctx context.Context, home, id string) (ec2.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, locateWithin)
	defer cancel()
	regions := sp.otherRegions(ctx, home)
	found := make([]ec2.Instance, len(regions))
	errs := make([]error, len(regions))
	var group sync.WaitGroup
	for i, region := range regions {
		group.Go(func() { found[i], errs[i] = sp.Cloud.Glance(ctx, region, id) })
	}
	group.Wait()
	for i, region := range regions {
		if errs[i] == nil {
			sp.Log.Info(fmt.Sprintf("AWS EC2 instance %s is found in region %s", id, region))
			return found[i], nil
		}
	}
	var unseen []string
	for i, region := range regions {
		switch ec2.ClassOf(errs[i]) {
		case ec2.NotFound:
		case ec2.Throttle:
			return ec2.Instance{}, errs[i]
		default:
			unseen = append(unseen, region)
		}
	}
	sp.tellGone(id, append([]string{home}, regions...), unseen)
	return ec2.Instance{}, nil
}

func (sp *stop) tellGone(id string, looked, unseen []string) {
	if len(unseen) == 0 {
		sp.Log.Info(fmt.Sprintf("AWS EC2 instance %s is not found in %s: it is gone already", id, strings.Join(looked, ", ")))
		return
	}
	sp.warn(fmt.Sprintf("AWS EC2 instance %s is not found in %s, and these regions could not be looked at: %s; "+
		"if it runs in one of them, give its name in the input 'region'", id, looked[0], strings.Join(unseen, ", ")))
}

package serve

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// This file changes the server from one file to the next. Sets that are in both keep their sessions and machines; their
// changes take effect at the next launch.

// Reload serves the sets of another file. A set that is not in it any more takes no new job, ends its idle machines,
// lets the busy ones finish, and is then left; at GitHub it stays, since its jobs wait there. Nothing is changed if an
// error is returned, which is a *config.InvalidError for what the file is refused for.
func (s *Server) Reload(file config.File) error {
	if !reflect.DeepEqual(file.GitHub, s.signIn.GitHub) || file.Region != s.region {
		return fmt.Errorf("github and region cannot be changed while the program runs: end it and start it again")
	}
	regions, err := regionsOf(file.Sets, s.cloud.Region())
	if err != nil {
		return err
	}
	if err := s.checkUserData(file.Sets); err != nil {
		return err
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	before := s.all()
	var sets []*set
	for _, wanted := range file.Sets {
		at := slices.IndexFunc(before, func(known *set) bool { return strings.EqualFold(known.name, wanted.Name) })
		if at >= 0 {
			sets = append(sets, before[at])
			continue
		}
		added, err := s.newSet(wanted)
		if err != nil {
			return err
		}
		sets = append(sets, added)
	}
	for n, wanted := range file.Sets {
		sets[n].change(wanted)
	}
	for _, known := range before {
		if !slices.Contains(sets, known) {
			known.remove()
			sets = append(sets, known)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets = sets
	for _, region := range s.regions { // there may be machines in it
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	s.regions = regions
	select {
	case s.reloaded <- struct{}{}:
	default:
	}
	s.watcher.ask()
	return nil
}

// regionsOf returns the regions of all sets' machines.
func regionsOf(sets []config.Set, home string) (regions []string, err error) {
	for _, c := range sets {
		for _, p := range c.Machine.Placements {
			if region := cmp.Or(p.Region, home); !slices.Contains(regions, region) {
				regions = append(regions, region)
			}
		}
	}
	if slices.Contains(regions, "") {
		return nil, fmt.Errorf("no region: a placement names none, and neither do the file and the environment")
	}
	return regions, nil
}

// leaveIfDone ends the session of a set that was taken out of the file, once it has no machines.
func (s *Server) leaveIfDone(done *set) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if !done.isDone() {
		return
	}
	s.mu.Lock()
	s.sets = slices.DeleteFunc(slices.Clone(s.sets), func(other *set) bool { return other == done })
	s.mu.Unlock()
	if done.end() {
		done.log.Info("the set is left; it stays at GitHub with the jobs that wait for it until it is deleted",
			"hint", "ec2-github-runner-serve delete "+done.name+" CONFIG.yml")
	}
}

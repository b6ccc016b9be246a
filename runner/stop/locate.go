package stop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// This file finds machines by instance id.

// search finds machines by id: each in the region of its hand-off or in the home region, then in all other regions.
type search struct {
	stop  *stop
	looks regionLooks
	list  regionList
	first map[string]string // by id: the region that is asked first
	only  map[string]bool   // ids that are not searched for in other regions
	mu    sync.Mutex
	found map[string]ec2.Instance
}

// locate finds the machines of the hand-offs. A machine that every region has answered not to have is gone: a zero
// instance and no error. A machine that could not be searched for everywhere is an error.
func (sp *stop) locate(ctx context.Context, asked []tags.Handoff) ([]ec2.Instance, []error) {
	s := &search{
		stop: sp, list: regionList{cloud: sp.cloud}, first: map[string]string{}, only: map[string]bool{},
		found: map[string]ec2.Instance{},
	}
	s.looks = regionLooks{ask: s.ask, done: func() bool { return len(s.missing("")) == 0 }}
	for _, h := range asked {
		s.first[h.InstanceID], s.only[h.InstanceID] = h.Region, h.Region != ""
		if h.Region == "" {
			s.first[h.InstanceID] = sp.cloud.Region()
		}
	}
	err := s.looks.round(ctx, slices.Compact(slices.Sorted(maps.Values(s.first))))
	if err == nil && !s.looks.done() {
		err = s.looks.until(ctx, s.regions)
	}
	sp.looked = slices.Sorted(maps.Keys(s.looks.answered))
	if len(s.missing("")) == 0 && len(s.looks.silent) > 0 {
		sp.warn("all instances are found, but these regions gave no answer: " + s.looks.unseen())
	}
	instances, errs := make([]ec2.Instance, len(asked)), make([]error, len(asked))
	for n, h := range asked {
		if instances[n] = s.found[h.InstanceID]; instances[n].ID == "" && err != nil {
			errs[n] = fmt.Errorf("AWS EC2 instance %s may still run, and its runner is left registered: %w",
				h.InstanceID, err)
		} else if instances[n].ID == "" {
			errs[n] = s.judge(h.InstanceID)
		}
	}
	return instances, errs
}

// missing returns the ids that no region has shown yet and that may be in the given region ("" for any). A machine
// whose first region denies the call is not missing: it is terminated there without a description.
func (s *search) missing(region string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, first := range s.first {
		if _, found := s.found[id]; !found && (region == "" || region == first || !s.only[id]) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ask searches a region, with one call, for all machines that may be there.
func (s *search) ask(ctx context.Context, region string) error {
	ids := s.missing(region)
	if len(ids) == 0 {
		return nil
	}
	instances, err := s.stop.cloud.InstancesFast(ctx, region, ec2.Selector{IDs: ids})
	if err != nil {
		s.endUnseen(region, ids, err)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, instance := range instances {
		s.found[instance.ID] = instance
		if region != s.first[instance.ID] {
			s.stop.log.Info(fmt.Sprintf("AWS EC2 instance %s is found in region %s", instance.ID, region))
		}
	}
	return nil
}

// endUnseen treats machines as found in their first region if that region denies the call: terminating may be allowed
// all the same.
func (s *search) endUnseen(region string, ids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.first[id] == region && refusal.ClassOf(err) == refusal.Denied {
			s.stop.log.Debug("EC2 denies the description, so the instance is terminated without it", "instance", id,
				"error", err)
			s.found[id] = ec2.Instance{ID: id, Region: region}
		}
	}
}

// regions returns the regions that may contain a machine which is still missing.
func (s *search) regions(ctx context.Context) []string {
	all := map[string]bool{}
	for _, id := range s.missing("") {
		all[s.first[id]] = true
		if !s.only[id] {
			for _, region := range s.list.regions(ctx, &s.looks) {
				all[region] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// judge returns nil if a missing machine is gone, and an error if it may be in a region that could not be searched.
func (s *search) judge(id string) error {
	if refused := s.looks.denied[s.first[id]]; refused != nil {
		return fmt.Errorf("AWS EC2 instance %s may still run, and its runner is left registered: %w", id, refused)
	}
	silent := maps.Clone(s.looks.silent)
	if s.only[id] {
		maps.DeleteFunc(silent, func(region string, _ error) bool { return region != s.first[id] })
	}
	if len(silent) > 0 {
		return &diagnosis.FailedError{
			Message: fmt.Sprintf("AWS EC2 instance %s may still run: for %s these regions gave no answer: %s. Its "+
				"runner is left registered", id, diagnosis.Minutes(silenceTimeout),
				(&regionLooks{silent: silent}).unseen()),
			Hint: diagnosis.HintSilent,
		}
	}
	if s.only[id] {
		s.stop.logGone(id, []string{s.first[id]}, nil)
		return nil
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(s.looks.answered)),
		func(region string) bool { return region == s.first[id] })
	s.stop.logGone(id, append([]string{s.first[id]}, others...), s.looks.denied)
	return nil
}

func (sp *stop) logGone(id string, looked []string, denied map[string]error) {
	if len(denied) == 0 {
		sp.log.Info(fmt.Sprintf("AWS EC2 instance %s is not found in %s: it is gone already", id,
			strings.Join(looked, ", ")))
		return
	}
	sp.warn(fmt.Sprintf("AWS EC2 instance %s is not found in %s, and these regions may not be looked at: %s; if it "+
		"runs in one of them, give its name in the input 'region'", id, strings.Join(looked, ", "), names(denied)))
}

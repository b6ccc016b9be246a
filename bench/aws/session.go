package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// session is the measurement of one workflow run.
type session struct {
	binary       string
	variants     []string
	runs, atOnce int
	launch       launch
	patience     time.Duration
	every        time.Duration
	getenv       func(string) string
	environ      []string
	cloud        func(ctx context.Context, region string) (*ec2.Client, error)

	mu     sync.Mutex
	starts []start
	failed []error
}

// launch is what to launch, and where.
type launch struct{ image, baked, instanceType, subnet, group string }

// The variants.
const (
	stock     = "stock"
	baked     = "baked"
	warm      = "warm"
	ephemeral = "ephemeral"
	spot      = "spot"
)

// check refuses what cannot be measured, before anything is started.
func (s *session) check(cleanOnly bool) error {
	var errs []error
	for _, name := range []string{"GITHUB_REPOSITORY", "GITHUB_RUN_ID"} {
		if s.getenv(name) == "" {
			errs = append(errs, fmt.Errorf("%s is not set: run it in a workflow", name))
		}
	}
	for _, v := range s.variants {
		if !slices.Contains([]string{stock, baked, warm, ephemeral, spot}, v) {
			errs = append(errs, fmt.Errorf("variant %q does not exist: use stock, baked, warm, ephemeral or spot", v))
		}
		if v == baked && s.launch.baked == "" && !cleanOnly {
			errs = append(errs, errors.New("the variant baked needs -baked-image, the id that mode bake gives"))
		}
	}
	if s.runs < 1 || s.atOnce < 1 {
		errs = append(errs, errors.New("-runs and -at-once must be at least 1"))
	}
	return errors.Join(errs...)
}

// label returns the label of the n-th start of a variant, for which its job waits.
func (s *session) label(variant string, n int) string {
	return fmt.Sprintf("bench-%s-%s-%s-%d", s.getenv("GITHUB_RUN_ID"), s.attempt(), variant, n)
}

func (s *session) attempt() string {
	if attempt := s.getenv("GITHUB_RUN_ATTEMPT"); attempt != "" {
		return attempt
	}
	return "1"
}

// labels returns the labels of all starts.
func (s *session) labels() []string {
	var list []string
	for _, v := range s.variants {
		for n := range s.runs {
			list = append(list, s.label(v, n+1))
		}
	}
	return list
}

// pool returns the name of the run's own pool.
func (s *session) pool() string { return "bench-" + s.getenv("GITHUB_RUN_ID") }

// inputs returns the inputs of a variant's start.
func (s *session) inputs(variant string) map[string]string {
	inputs := map[string]string{
		"mode": "start", "ec2-image-id": s.launch.image, "ec2-instance-type": s.launch.instanceType,
		"subnet-id":         s.launch.subnet,
		"security-group-id": s.launch.group, "runner-debug": "true", "job-report": "true",
	}
	maps.Copy(inputs, map[string]map[string]string{
		baked: {"ec2-image-id": s.launch.baked}, warm: {"pool": s.pool()}, ephemeral: {"ephemeral": "true"},
		spot: {"market-type": "spot"},
	}[variant])
	return inputs
}

// measure runs all starts, variant by variant, and terminates what is left in any case. A failed start is reported, and
// fails the measurement at its end.
func (s *session) measure(ctx context.Context) (starts []start, err error) {
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
		defer cancel()
		err = errors.Join(err, s.clean(cleaning))
	}()
	for _, v := range s.variants {
		if v == warm {
			if err := s.fill(ctx); err != nil {
				s.fail(fmt.Errorf("fill the pool: %w", err))
				continue
			}
		}
		s.side(ctx, v)
		if ctx.Err() != nil {
			return s.starts, ctx.Err()
		}
	}
	return s.starts, errors.Join(s.failed...)
}

// side runs a variant's starts in parallel.
func (s *session) side(ctx context.Context, variant string) {
	places := make(chan struct{}, s.atOnce)
	var group sync.WaitGroup
	for n := range s.runs {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if ctx.Err() != nil {
				return
			}
			one, err := s.one(ctx, variant, s.label(variant, n+1))
			if err != nil {
				one.Failed = err.Error()
				s.fail(fmt.Errorf("%s: %w", one.Label, err))
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.starts = append(s.starts, one)
		})
	}
	group.Wait()
}

func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, err)
}

// one starts a runner, waits for its job, and stops it. A failed stop does not count if the machine terminates itself.
func (s *session) one(ctx context.Context, variant, label string) (start, error) {
	one := start{Variant: variant, Label: label}
	inputs := s.inputs(variant)
	inputs["label"] = label
	begun := time.Now()
	result, err := s.step(ctx, inputs)
	if err != nil {
		return one, err
	}
	stopping := map[string]string{
		"mode": "stop", "label": label, "ec2-instance-id": result.outputs["ec2-instance-id"],
		"region": result.outputs["region"],
	}
	one.read(result.summary)
	one.Token = s.tokenOf(ctx, result.outputs["region"], result.outputs["ec2-instance-id"])
	job, err := s.awaitJob(ctx, label)
	if err == nil {
		one.worked(begun, job.firstStep())
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	result, stopped := s.step(ending, stopping)
	return one, errors.Join(err, stopped, one.readReports(result.outputs["job-reports"]))
}

// fill fills the run's pool with as many warm machines as there are starts, and waits until they are ready.
func (s *session) fill(ctx context.Context) error {
	inputs := s.inputs(warm)
	inputs["mode"], inputs["pool-size"] = "pool", strconv.Itoa(s.runs)
	for begun := time.Now(); time.Since(begun) < s.patience; {
		result, err := s.step(ctx, inputs)
		if err != nil {
			return err
		}
		if strings.Contains(result.outputs["pool"], fmt.Sprintf(`"ready":%d,`, s.runs)) {
			return nil
		}
		if err := pause(ctx, 5*s.every); err != nil {
			return err
		}
	}
	return fmt.Errorf("not every machine is ready after %s", s.patience)
}

// clean terminates all runners of this workflow run and empties its pool. The workflow's last job does the same in
// another process.
func (s *session) clean(ctx context.Context) error {
	_, err := s.step(ctx, map[string]string{"mode": "stop", "all-of-run": "true"})
	if slices.Contains(s.variants, warm) {
		inputs := s.inputs(warm)
		inputs["mode"], inputs["pool-size"] = "pool", "0"
		_, emptied := s.step(ctx, inputs)
		err = errors.Join(err, emptied)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

package serve

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// This file explains launches that gave no machine.

// launchError is a launch that gave no machine.
type launchError struct {
	error
	trail []ec2.Attempt
}

func (e *launchError) Unwrap() error { return e.error }

// isInDoubt reports whether EC2 may have launched something all the same.
func (e *launchError) isInDoubt() bool {
	return slices.ContainsFunc(e.trail, func(a ec2.Attempt) bool { return a.InDoubt })
}

// holdMessage returns the message for a pause of launches.
func holdMessage(fatal bool, err error) string {
	refused, isRefused := errors.AsType[*launchError](err)
	isCapacity := func(a ec2.Attempt) bool { return refusal.ClassOf(a.Err) == refusal.Capacity }
	switch {
	case fatal:
		return "no machine can be launched until this is repaired"
	case !isRefused:
		return "no machine can be launched for now, so jobs wait at GitHub"
	case slices.ContainsFunc(refused.trail, isCapacity):
		return "EC2 has no capacity, so jobs wait at GitHub"
	}
	return "EC2 launches no machine, so jobs wait at GitHub"
}

// reasonOf returns why a launch was refused; if all offerings were, the reason of each.
func reasonOf(err error) string {
	refused, ok := errors.AsType[*launchError](err)
	if !ok || len(refused.trail) == 0 {
		return err.Error()
	}
	text, said := "", map[string]bool{}
	for _, a := range refused.trail {
		words := fmt.Sprintf("%s %s in %s: %s", a.Offering.Market, a.Offering.InstanceType,
			cmp.Or(a.Offering.Placement.SubnetID, a.Offering.Placement.Region), refusal.Reason(a.Err))
		if a.Err != nil && !said[words] {
			said[words] = true
			text += "; " + words
		}
	}
	if text == "" {
		return err.Error()
	}
	return text[len("; "):]
}

// isFatal reports whether waiting does not help: no offering was refused for insufficient capacity, by a throttle, or
// with an unknown result.
func isFatal(err error) bool {
	refused, ok := errors.AsType[*launchError](err)
	if !ok {
		if _, plain := errors.AsType[*diagnosis.RefusedError](err); plain {
			return true
		}
		switch queue.ClassOf(err) {
		case queue.Denied, queue.Refused, queue.NotFound:
			return true
		}
		return false
	}
	for _, a := range refused.trail {
		switch refusal.ClassOf(a.Err) {
		case refusal.Capacity, refusal.Throttle, refusal.Unknown:
			return false
		}
	}
	return len(refused.trail) > 0
}

func isImageGone(refused *launchError) bool {
	return slices.ContainsFunc(refused.trail,
		func(a ec2.Attempt) bool { return refusal.ClassOf(a.Err) == refusal.NotFound })
}

// launchHint returns the hint for a refused launch.
func launchHint(err error) string {
	refused, ok := errors.AsType[*launchError](err)
	if !ok {
		if plain, ok := errors.AsType[*diagnosis.RefusedError](err); ok {
			return plain.Hint
		}
		return hintOf(err)
	}
	var causes []error
	for _, a := range refused.trail {
		if a.Err != nil {
			causes = append(causes, a.Err)
		}
	}
	return diagnosis.LaunchHint(causes)
}

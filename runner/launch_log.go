package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

func (l *launching) logTrying(a ec2.Attempt) {
	if a.Try > 0 {
		return
	}
	p := a.Offering.Placement
	l.log.Info(fmt.Sprintf("Trying availability zone configuration %d/%d", a.Offering.Number,
		len(l.unit.group.found.Offerings)))
	l.log.Info(fmt.Sprintf("Using imageId: %s, subnetId: %s, securityGroupId: %s, region: %s (%s, %s)", p.ImageID,
		p.SubnetID, strings.Join(p.SecurityGroupIDs, ","), p.Region, a.Offering.InstanceType, a.Offering.Market))
}

// logTried logs EC2's refusal. Whether it refused our tags is known only once the second launch, without them, is not
// refused for lack of permission too.
func (l *launching) logTried(a ec2.Attempt) {
	refused := l.refusedTags
	l.refusedTags = nil
	if a.Untagged {
		l.refusedTags = a.Err
		return
	}
	if refused != nil && refusal.ClassOf(a.Err) != refusal.Denied {
		l.st.Warn(l.log, fmt.Sprintf("EC2 refuses the launch with this action's own tags (%s), so it is asked again "+
			"without them: allow ec2:CreateTags on RunInstances, or set own-tags: false", refusal.Reason(refused)))
	}
	if a.Err != nil {
		l.st.Warn(l.log, Refusal(a))
	}
}

// logRound logs, once for all units of the group, for which offerings a round has found no capacity and when the next
// one begins.
func (l *launching) logRound(wait, left time.Duration) {
	l.st.mu.Lock()
	told := l.unit.group.roundLogged >= l.unit.round
	l.unit.group.roundLogged = max(l.unit.group.roundLogged, l.unit.round)
	l.st.mu.Unlock()
	if told {
		return
	}
	var markets, types, places []string
	subnets := map[string][]string{} // by region
	for _, o := range l.unit.offerings {
		p := o.Placement
		markets, types = append(markets, o.Market), append(types, o.InstanceType)
		subnets[p.Region] = append(subnets[p.Region], p.SubnetID)
	}
	for _, region := range slices.Sorted(maps.Keys(subnets)) {
		place := region
		if n := len(distinct(subnets[region])); n > 1 {
			place += fmt.Sprintf(" (%d subnets)", n)
		}
		places = append(places, place)
	}
	l.log.Info(fmt.Sprintf("round %d found no capacity for %s, %s in %s: asking again in %s, and for up to %s more "+
		"(capacity-timeout-minutes)", l.unit.round, strings.Join(distinct(markets), " and "),
		strings.Join(distinct(types), ", "), strings.Join(places, ", "), wait.Round(time.Second),
		left.Round(time.Second)))
}

// logSkipped logs that an offering is not requested, and why.
func (l *launching) logSkipped(offering ec2.Offering, because ec2.Attempt) {
	l.log.Info(fmt.Sprintf("availability zone configuration %d is not tried: the refusal of configuration %d "+
		"holds for it too", offering.Number, because.Offering.Number))
}

// Refusal returns machulav's message about a configuration that did not launch.
func Refusal(a ec2.Attempt) string {
	return fmt.Sprintf("Failed to start EC2 instance with configuration %d in region %s: %s",
		a.Offering.Number, a.Offering.Placement.Region, refusal.Reason(a.Err))
}

// launchError returns an error with every refusal, each once.
func launchError(ctx context.Context, trail []ec2.Attempt, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, ec2.ErrExhausted) {
		return err
	}
	var refusals []string
	var causes []error
	add := func(text string) {
		if !slices.Contains(refusals, text) { // once for all rounds
			refusals = append(refusals, text)
		}
	}
	for _, a := range trail {
		switch {
		case a.Err != nil && !a.Untagged:
			add(Refusal(a))
			causes = append(causes, a.Err)
		case len(a.InstanceIDs) < a.Asked && a.Err == nil:
			add(fmt.Sprintf("EC2 gave %d of %d instances with configuration %d in region %s",
				len(a.InstanceIDs), a.Asked, a.Offering.Number, a.Offering.Placement.Region))
		}
	}
	return &diagnosis.FailedError{
		Message: "Failed to start EC2 instance in any availability zone. Errors: " + strings.Join(refusals, "; "),
		Hint:    diagnosis.LaunchHint(causes),
		Err:     errors.Join(causes...),
	}
}

// distinct returns a list sorted, without empty and repeated elements.
func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Sorted(slices.Values(list)), func(text string) bool { return text == "" })
	return slices.Compact(list)
}

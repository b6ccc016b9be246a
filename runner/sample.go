package runner

import (
	"fmt"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// MinimumVersion is the oldest runner version that github.com still registers.
const MinimumVersion = bootstrap.MinimumVersion

// SampleLaunch is the launch of one group as a start would request it, with an invented registration, to check whether
// it would be allowed.
type SampleLaunch struct {
	Name      string // of the group
	Count     int
	Spec      ec2.LaunchSpec
	Offerings []ec2.Offering
}

// SampleLaunches returns the launches of a start. It makes no API calls.
func (r StartRequest) SampleLaunches() ([]SampleLaunch, error) {
	st := r.Draft()
	var list []SampleLaunch
	if st.source.Match != nil { // nothing is launched
		return nil, nil
	}
	for _, g := range st.groups {
		u := g.units[0]
		if r.JIT {
			u.slots[0].jit = tags.RandomText(jitLength)
		} else {
			st.token = tags.RandomText(tokenLength)
		}
		u.offerings = survey.Offerings(g.Machine, g.Placements)
		spec, err := u.spec()
		if err != nil {
			return nil, fmt.Errorf("build user data: %w", err)
		}
		list = append(list, SampleLaunch{g.Name, g.count(), spec, u.offerings})
	}
	return list, nil
}

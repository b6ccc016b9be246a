package action

import (
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/doctor"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// check reads the inputs of the start to check, and how to report the findings.
func (r *reader) check(request *Request) {
	request.Start = r.start(*request)
	request.Annotations = r.ownFlag("annotations")
	r.ownFlag("dry-run") // a check changes nothing in either case
}

// examination returns the request of package doctor for a start.
func examination(request Request) (doctor.Request, error) {
	start := request.Start
	samples, err := start.SampleLaunches()
	if err != nil {
		return doctor.Request{}, fmt.Errorf("describe the start: %w", err)
	}
	out := doctor.Request{
		OursTags: map[string]string{key.Repository: request.Run.Repository, key.Scope: request.Scope},
		OurTag:   key.RunnerID, VersionTag: key.RunnerVersion, SystemTag: key.System,
		ArchitectureTag: key.Architecture,
		MinimumVersion:  runner.MinimumVersion,
		Scope:           request.Scope, Public: strings.HasPrefix(start.WebURL, "https://github.com/"),
		RunnerVersion: start.Groups[0].RunnerVersion, GroupID: start.GroupID, GroupName: start.GroupName,
		Now:         time.Now(),
		BySpotScore: start.BySpotScore,
	}
	if e, are := keptBy(start); are {
		out.Existing = &doctor.Existing{Region: e.Region, IDs: e.IDs, Tags: e.Tags, Names: e.Names,
			Label: start.Groups[0].Label}
	}
	for _, s := range samples {
		out.Launches = append(out.Launches, doctor.Launch(s))
	}
	return out, nil
}

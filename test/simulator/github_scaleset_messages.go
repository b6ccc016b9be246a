package simulator

import (
	"slices"
	"time"
)

// results of jobs that have ended, by their states, as messages have them.
var results = map[string]string{jobDone: "succeeded", jobLost: "failed", jobCanceled: "canceled", jobFailed: "failed"}

// completed tells the set that a job of it has ended; r is nil if no runner had it.
func (s *scaleSet) completed(j *job, r *runner) {
	s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
	s.push(s.completion(j, results[j.state.State], r))
	s.hub.assignSets()
}

// completion is a JobCompleted message.
func (s *scaleSet) completion(j *job, result string, r *runner) map[string]any {
	m := s.message("JobCompleted", j)
	m["result"], m["runnerId"], m["runnerName"] = result, 0, ""
	if r != nil {
		m["runnerId"], m["runnerName"] = r.id, r.name
	}
	return m
}

// message is JobMessageBase (types.go of actions/scaleset) of a kind. github.com gives no request id: "There seems to
// be a change in the scale set message. It now includes a jobID and sets the runner request ID to 0"
// (https://github.com/cloudbase/garm/pull/459). To acquire a job takes one.
func (s *scaleSet) message(kind string, j *job) map[string]any {
	owner, name := ownerAndName(j.setJob.Repository)
	request := int64(0)
	if s.hub.w.cfg.ScaleSets.Acquire {
		request = j.number
	}
	started := j.state.Started
	if j.state.State == jobAssigned {
		started = time.Time{}
	}
	return map[string]any{"messageType": kind, "runnerRequestId": request, "repositoryName": name, "ownerName": owner,
		"jobId": j.state.ID, "jobWorkflowRef": j.setJob.Repository + "/.github/workflows/tests.yml@refs/heads/main",
		"jobDisplayName": j.setJob.Name, "workflowRunId": j.setJob.Run, "eventName": "push",
		"requestLabels": j.setJob.Labels, "queueTime": s.stamp(j.state.Queued),
		"scaleSetAssignTime": s.stamp(j.state.Assigned), "runnerAssignTime": s.stamp(started),
		"finishTime": s.stamp(j.state.Ended)}
}

// stamp is a time by GitHub's clock; one that has not come is year 1.
func (s *scaleSet) stamp(t time.Time) string {
	if t.IsZero() {
		return "0001-01-01T00:00:00Z"
	}
	return t.Add(s.hub.w.cfg.GitHubClock).UTC().Format("2006-01-02T15:04:05.9999999Z")
}

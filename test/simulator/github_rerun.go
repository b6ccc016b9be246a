package simulator

import (
	"net/http"
	"slices"
	"strconv"
)

// Reruns lists what was asked to run again, in order.
func (w *World) Reruns() []Rerun {
	w.enter()
	defer w.mu.Unlock()
	return append([]Rerun(nil), w.hub.reruns...)
}

// rerunRun: https://docs.github.com/rest/actions/workflow-runs#re-run-a-workflow
func rerunRun(call *hubCall) answer {
	run, known := call.runOf(call.params["run_id"])
	if !known {
		return hubError(http.StatusNotFound, "Not Found")
	}
	return call.rerun(run, 0, "This workflow is already running")
}

// rerunJob: https://docs.github.com/rest/actions/workflow-runs#re-run-a-job-from-a-workflow-run
// The job and its dependents run again, in a new attempt of the run.
func rerunJob(call *hubCall) answer {
	id, err := strconv.ParseInt(call.params["job_id"], 10, 64)
	if err != nil {
		return hubError(http.StatusNotFound, "Not Found")
	}
	const running = "The workflow run containing this job is already running"
	isIt := func(j RunJob) bool { return j.ID == id }
	for _, run := range call.runs[call.x.scope] {
		if slices.ContainsFunc(run.Jobs, isIt) {
			return call.rerun(run, id, running)
		}
	}
	for of, jobs := range call.past { // the job of an earlier attempt, which GitHub still knows
		if run, known := call.runs[of.repository][of.run]; known && of.repository == call.x.scope &&
			slices.ContainsFunc(jobs, isIt) {
			return call.rerun(run, id, running)
		}
	}
	return hubError(http.StatusNotFound, "Not Found")
}

// rerun begins a new attempt of a run that is over.
func (call *hubCall) rerun(run Run, job int64, running string) answer {
	switch {
	case run.Status != "completed":
		return hubError(http.StatusForbidden, running)
	case run.Old:
		return hubError(http.StatusForbidden,
			"Unable to retry this workflow run because it was created over a month ago")
	}
	call.past[attempt{call.x.scope, run.ID, run.Attempt}] = run.Jobs
	run.Attempt++
	run.Status, run.Conclusion, run.Jobs = "queued", "", nil
	call.runs[call.x.scope][run.ID] = run
	call.reruns = append(call.reruns, Rerun{Repository: call.x.scope, Run: run.ID, Job: job, Attempt: run.Attempt})
	return hubJSON(http.StatusCreated, map[string]any{})
}

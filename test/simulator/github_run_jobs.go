package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// setupStep is how long a job's first step, GitHub's own "Set up job", takes before the first of the user's begins.
const setupStep = time.Second

// listJobs: https://docs.github.com/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run
// The jobs of the latest attempt.
func listJobs(call *hubCall) answer {
	run, known := call.runOf(call.params["run_id"])
	if !known {
		return hubError(http.StatusNotFound, "Not Found")
	}
	list := []map[string]any{}
	for n, j := range call.jobs {
		if (j.Run == 0 || j.Run == run.ID) && (j.Scope == "" || j.Scope == call.x.scope) {
			list = append(list, call.jobJSON(run, int64(n+1), j))
		}
	}
	return call.jobPage(append(list, call.seededJobs(run, run.Attempt, run.Jobs)...))
}

// listAttemptJobs: https://docs.github.com/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt
func listAttemptJobs(call *hubCall) answer {
	run, known := call.runOf(call.params["run_id"])
	number, err := strconv.Atoi(call.params["attempt_number"])
	switch {
	case err != nil || !known || number < 1 || number > run.Attempt:
		return hubError(http.StatusNotFound, "Not Found")
	case number == run.Attempt:
		return listJobs(call)
	}
	return call.jobPage(call.seededJobs(run, number, call.past[attempt{call.x.scope, run.ID, number}]))
}

func (call *hubCall) jobPage(list []map[string]any) answer {
	part, links := paginate(call, list)
	a := hubJSON(http.StatusOK, map[string]any{"total_count": len(list), "jobs": part})
	if links != "" {
		a.header.Set("Link", links)
	}
	return a
}

// runOf finds a run of the call's repository.
func (call *hubCall) runOf(id string) (Run, bool) {
	number, err := strconv.ParseInt(id, 10, 64)
	run, known := call.runs[call.x.scope][number]
	return run, known && err == nil
}

// seededJobs are jobs that ran elsewhere, in the schema "job".
func (call *hubCall) seededJobs(run Run, number int, jobs []RunJob) []map[string]any {
	list := make([]map[string]any, 0, len(jobs))
	for _, seed := range jobs {
		run.Attempt = number
		shown := call.jobJSON(run, seed.ID, &job{Job: Job{Label: "ubuntu-latest"},
			state: JobState{Queued: seed.began}})
		shown["name"], shown["status"] = seed.Name, orText(seed.Status, "completed")
		if seed.Runner != "" {
			shown["runner_name"] = seed.Runner
		}
		if seed.RunnerID != 0 {
			shown["runner_id"] = seed.RunnerID
		}
		if shown["status"] == "completed" {
			shown["conclusion"], shown["completed_at"] = orText(seed.Conclusion, "success"), stamp(seed.ended)
		}
		list = append(list, shown)
	}
	return list
}

// jobJSON is the schema "job". GitHub tells times in whole seconds.
func (call *hubCall) jobJSON(run Run, id int64, j *job) map[string]any {
	base := fmt.Sprintf("%s/repos/%s/actions", call.base, call.x.scope)
	out := map[string]any{
		"id": id, "run_id": run.ID, "run_url": fmt.Sprintf("%s/runs/%d", base, run.ID), "run_attempt": run.Attempt,
		"node_id":  fmt.Sprintf("CR_%d", id),
		"head_sha": sumOf("head")[:40], "url": fmt.Sprintf("%s/jobs/%d", base, id), "html_url": nil, "name": "work (" +
			j.Label + ")", "labels": []string{j.Label},
		"status": "queued", "conclusion": nil, "created_at": stamp(j.state.Queued), "started_at": stamp(j.state.Queued),
		"completed_at": nil, "steps": []any{},
		"check_run_url": fmt.Sprintf("%s/repos/%s/check-runs/%d", call.base, call.x.scope, id), "runner_id": nil,
		"runner_name": nil, "runner_group_id": nil,
		"runner_group_name": nil, "workflow_name": "tests", "head_branch": "main",
	}
	if j.state.Started.IsZero() {
		return out
	}
	r := call.named(j.state.Runner)
	if r != nil {
		out["runner_id"] = r.id
	}
	ended, conclusion := any(nil), any(nil)
	out["status"], out["started_at"], out["runner_name"], out["runner_group_id"],
		out["runner_group_name"] = "in_progress",
		stamp(j.state.Started), j.state.Runner, 1, "Default"
	if !j.state.Ended.IsZero() {
		ended, conclusion = stamp(j.state.Ended), conclusions[j.state.State]
		out["status"], out["completed_at"], out["conclusion"] = "completed", ended, conclusion
	}
	first := j.state.Started.Add(call.w.scaled(setupStep))
	step := func(number int, name string, status string, from, to, conclusion any) map[string]any {
		return map[string]any{"name": name, "status": status, "conclusion": conclusion, "number": number,
			"started_at":   from,
			"completed_at": to}
	}
	if call.w.now.Before(first) && ended == nil {
		out["steps"] = []any{step(1, "Set up job", "in_progress", stamp(j.state.Started), nil, nil)}
		return out
	}
	out["steps"] = []any{
		step(1, "Set up job", "completed", stamp(j.state.Started), stamp(first), "success"),
		step(2, "Run true", out["status"].(string), stamp(first), ended, conclusion),
	}
	return out
}

// conclusions of jobs that have ended, by their states.
var conclusions = map[string]string{jobDone: "success", jobLost: "failure", jobCanceled: "cancelled",
	jobFailed: "failure"}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

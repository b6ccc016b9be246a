package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// listRuns: https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
func listRuns(call *hubCall) answer {
	all := call.runs[call.x.scope]
	ids := keysOf(all)
	slices.Reverse(ids) // the newest first
	status := call.req.URL.Query().Get("status")
	ids = slices.DeleteFunc(ids, func(id int64) bool {
		return status != "" && all[id].Status != status && all[id].Conclusion != status
	})
	part, links := paginate(call, ids)
	list := make([]map[string]any, 0, len(part))
	for _, id := range part {
		list = append(list, call.runJSON(all[id]))
	}
	a := hubJSON(http.StatusOK, map[string]any{"total_count": len(ids), "workflow_runs": list})
	if links != "" {
		a.header.Set("Link", links)
	}
	return a
}

// getRun: https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run
func getRun(call *hubCall) answer {
	id, err := strconv.ParseInt(call.params["run_id"], 10, 64)
	run, known := call.runs[call.x.scope][id]
	if err != nil || !known {
		return hubError(http.StatusNotFound, "Not Found")
	}
	return hubJSON(http.StatusOK, call.runJSON(run))
}

// runJSON is the schema "workflow-run".
func (call *hubCall) runJSON(run Run) map[string]any {
	base := fmt.Sprintf("%s/repos/%s/actions/runs/%d", call.base, call.x.scope, run.ID)
	var conclusion any
	if run.Conclusion != "" {
		conclusion = run.Conclusion
	}
	repository := call.repositoryJSON()
	return map[string]any{
		"id": run.ID, "node_id": fmt.Sprintf("WFR_%d", run.ID), "name": "tests", "display_title": "tests",
		"head_branch": "main", "head_sha": sumOf("head")[:40],
		"path": ".github/workflows/tests.yml", "run_number": 1, "run_attempt": run.Attempt, "event": "push",
		"status": run.Status, "conclusion": conclusion,
		"workflow_id": 1, "check_suite_id": 1, "url": base,
		"html_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d",
			call.x.scope, run.ID), "pull_requests": []any{},
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "jobs_url": base + "/jobs",
		"logs_url": base + "/logs", "check_suite_url": base + "/suite",
		"artifacts_url": base + "/artifacts", "cancel_url": base + "/cancel", "rerun_url": base + "/rerun",
		"workflow_url": base + "/workflow",
		"head_commit": map[string]any{"id": sumOf("head")[:40], "tree_id": sumOf("tree")[:40], "message": "a commit",
			"timestamp": "2026-01-01T00:00:00Z",
			"author":    map[string]any{"name": "demo", "email": "demo@example.invalid"},
			"committer": map[string]any{"name": "demo", "email": "demo@example.invalid"}},
		"repository": repository, "head_repository": repository,
	}
}

// repositoryJSON is the schema "minimal-repository".
func (call *hubCall) repositoryJSON() map[string]any {
	owner, name := ownerAndName(call.x.scope)
	url := call.base + "/repos/" + call.x.scope
	out := map[string]any{"id": 1, "node_id": "R_1", "name": name, "full_name": call.x.scope,
		"owner": call.ownerJSON(owner), "private": false, "fork": false,
		"html_url": "https://github.com/" + call.x.scope, "description": nil, "url": url}
	for _, key := range []string{"archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits",
		"compare", "contents", "contributors", "deployments", "downloads",
		"events", "forks", "git_commits", "git_refs", "git_tags", "hooks", "issue_comment", "issue_events", "issues",
		"keys",
		"labels", "languages", "merges", "milestones",
		"notifications", "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams",
		"trees"} {
		out[key+"_url"] = url + "/" + key
	}
	return out
}

// ownerJSON is the schema "simple-user".
func (call *hubCall) ownerJSON(login string) map[string]any {
	url := call.base + "/users/" + login
	out := map[string]any{"login": login, "id": 1, "node_id": "O_1", "gravatar_id": "", "type": "Organization",
		"site_admin": false, "url": url,
		"html_url": "https://github.com/" + login, "avatar_url": "https://avatars.example.invalid/" + login}
	for _, key := range []string{"events", "followers", "following", "gists", "organizations", "received_events",
		"repos",
		"starred", "subscriptions"} {
		out[key+"_url"] = url + "/" + key
	}
	return out
}

func ownerAndName(repository string) (string, string) {
	for i := range repository {
		if repository[i] == '/' {
			return repository[:i], repository[i+1:]
		}
	}
	return repository, ""
}

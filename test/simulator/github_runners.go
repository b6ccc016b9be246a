package simulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// runnerJSON is the schema "runner" of GitHub's OpenAPI description.
type runnerJSON struct {
	ID        int64       `json:"id"`
	Group     int64       `json:"runner_group_id,omitempty"`
	Name      string      `json:"name"`
	OS        string      `json:"os"`
	Status    string      `json:"status"`
	Busy      bool        `json:"busy"`
	Labels    []labelJSON `json:"labels"`
	Ephemeral bool        `json:"ephemeral"`
	Version   string      `json:"version,omitempty"`
}

type labelJSON struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

func (r *runner) json() runnerJSON {
	out := runnerJSON{ID: r.id, Group: r.group, Name: r.name, OS: r.os, Status: r.status(), Busy: r.busy &&
		!r.looksIdle(),
		Labels: []labelJSON{}, Ephemeral: r.ephemeral, Version: r.version}
	for _, l := range r.labels {
		kind := "read-only"
		if l.own {
			kind = "custom"
		}
		out.Labels = append(out.Labels, labelJSON{l.id, l.name, kind})
	}
	return out
}

func (r *runner) status() string {
	if r.online {
		return "online"
	}
	return "offline"
}

// listRunners: https://docs.github.com/rest/actions/self-hosted-runners#list-self-hosted-runners-for-a-repository
func listRunners(call *hubCall) answer {
	name, named := "", call.req.URL.Query().Has("name")
	if named {
		name = call.req.URL.Query().Get("name")
	}
	var found []*runner
	for _, r := range call.scope.runners {
		if call.shown(r) && (!named || r.name == name) && !call.x.isUnlisted() {
			found = append(found, r)
		}
	}
	part, links := paginate(call, found)
	list := make([]runnerJSON, 0, len(part))
	for _, r := range part {
		list = append(list, r.json())
	}
	a := hubJSON(http.StatusOK, map[string]any{"total_count": len(found), "runners": list})
	if links != "" {
		a.header.Set("Link", links)
	}
	return a
}

// paginate cuts a list by page and per_page, and makes the Link header:
// https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
func paginate[T any](call *hubCall, all []T) ([]T, string) {
	query := call.req.URL.Query()
	per, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || per < 1 {
		per = 30
	}
	per = min(per, 100)
	number, err := strconv.Atoi(query.Get("page"))
	if err != nil || number < 1 {
		number = 1
	}
	last := max(1, (len(all)+per-1)/per)
	start := min((number-1)*per, len(all))
	part := all[start:min(start+per, len(all))]
	var links []string
	link := func(page int, rel string) {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel=%q`, call.base, strings.TrimPrefix(call.req.URL.Path,
			gheBase),
			q.Encode(), rel))
	}
	if number > 1 {
		link(min(number-1, last), "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	return part, strings.Join(links, ", ")
}

// runnerOf finds the runner of a path; a missing one is answered 404 by the caller. With unseen it counts from its
// registration on, as it does for those who remove it.
func (call *hubCall) runnerOf(unseen bool) *runner {
	id, err := strconv.ParseInt(call.params["runner_id"], 10, 64)
	if err != nil {
		return nil
	}
	r := call.scope.byID[id]
	if r == nil || (!unseen && call.w.now.Before(r.visible)) {
		return nil
	}
	return r
}

func getRunner(call *hubCall) answer {
	r := call.runnerOf(false)
	if r == nil {
		return hubError(http.StatusNotFound, "Not Found")
	}
	return hubJSON(http.StatusOK, r.json())
}

// removeLabel:
// https://docs.github.com/rest/actions/self-hosted-runners#remove-a-custom-label-from-a-self-hosted-runner-for-a-repository
func removeLabel(call *hubCall) answer {
	r := call.runnerOf(false)
	if r == nil {
		return hubError(http.StatusNotFound, "Not Found")
	}
	n := slices.IndexFunc(r.labels, func(l label) bool { return strings.EqualFold(l.name, call.params["name"]) })
	switch {
	case n < 0:
		return hubError(http.StatusNotFound, "Not Found")
	case !r.labels[n].own:
		return hubError(http.StatusUnprocessableEntity, "Validation Failed: read-only labels cannot be removed")
	}
	r.labels = slices.Delete(r.labels, n, n+1)
	out := r.json()
	return hubJSON(http.StatusOK, map[string]any{"total_count": len(out.Labels), "labels": out.Labels})
}

func deleteRunner(call *hubCall) answer {
	r := call.runnerOf(true)
	if r == nil {
		return hubError(http.StatusNotFound, "Not Found")
	}
	if r.busy {
		return hubError(http.StatusUnprocessableEntity, fmt.Sprintf("Bad request - Runner %q is still running a job\"",
			r.name))
	}
	call.remove(r)
	return answer{status: http.StatusNoContent, header: hubHeader("application/json; charset=utf-8")}
}

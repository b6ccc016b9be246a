package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// listGroups:
// https://docs.github.com/rest/actions/self-hosted-runner-groups#list-self-hosted-runner-groups-for-an-organization
func listGroups(call *hubCall) answer {
	part, links := paginate(call, call.groups())
	list := make([]map[string]any, 0, len(part))
	for _, g := range part {
		list = append(list, call.groupJSON(g))
	}
	a := hubJSON(http.StatusOK, map[string]any{"total_count": len(call.groups()), "runner_groups": list})
	if links != "" {
		a.header.Set("Link", links)
	}
	return a
}

func getGroup(call *hubCall) answer {
	id, err := strconv.ParseInt(call.params["runner_group_id"], 10, 64)
	for _, g := range call.groups() {
		if err == nil && g.ID == id {
			return hubJSON(http.StatusOK, call.groupJSON(g))
		}
	}
	return hubError(http.StatusNotFound, "Not Found")
}

// groups are the runner groups of the call's scope.
func (call *hubCall) groups() []RunnerGroup { return call.groupsOf(call.scope) }

// groupsOf returns the runner groups of a scope; every scope has its default group, 1.
func (h *hub) groupsOf(s *scope) []RunnerGroup {
	groups := []RunnerGroup{{Scope: s.name, ID: 1, Name: "Default"}}
	for _, g := range h.w.cfg.RunnerGroups {
		if g.Scope == s.name {
			groups = append(groups, g)
		}
	}
	return groups
}

// RemoveRunnerGroup removes a runner group of a scope, as its owner does; what was in it moves to the default group.
// https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/manage-access#removing-a-self-hosted-runner-group
func (w *World) RemoveRunnerGroup(scope string, id int64) {
	w.enter()
	defer w.mu.Unlock()
	w.cfg.RunnerGroups = slices.DeleteFunc(slices.Clone(w.cfg.RunnerGroups),
		func(g RunnerGroup) bool { return g.Scope == scope && g.ID == id })
	s := w.hub.scope(scope)
	for _, r := range s.runners {
		if r.group == id {
			r.group = 1
		}
	}
	for _, set := range w.hub.setsOf(s) {
		if set.group == id {
			set.group = 1
		}
	}
}

// groupExists reports whether the scope has a runner group of that id.
func (call *hubCall) groupExists(id int64) bool {
	for _, g := range call.groups() {
		if g.ID == id {
			return true
		}
	}
	return false
}

// groupJSON is the schema "runner-groups-org", which holds for enterprises too.
func (call *hubCall) groupJSON(g RunnerGroup) map[string]any {
	place := "/orgs/" + call.x.scope
	if _, repo := ownerAndName(call.x.scope); repo != "" {
		place = "/" + call.x.scope // enterprises/name
	}
	return map[string]any{
		"id": g.ID, "name": g.Name, "visibility": "all", "default": g.ID == 1, "inherited": false,
		"allows_public_repositories": true,
		"runners_url":                fmt.Sprintf("%s%s/actions/runner-groups/%d/runners", call.base, place, g.ID),
	}
}

package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// setJSON is RunnerScaleSet (types.go of actions/scaleset).
type setJSON struct {
	ID         int         `json:"id,omitempty"`
	Name       string      `json:"name,omitempty"`
	Group      int64       `json:"runnerGroupId,omitempty"`
	GroupName  string      `json:"runnerGroupName,omitempty"`
	Labels     []setLabel  `json:"labels,omitempty"`
	Setting    *setSetting `json:"RunnerSetting,omitempty"`
	Created    string      `json:"createdOn,omitempty"`
	JITAddress string      `json:"runnerJitConfigUrl,omitempty"`
	Statistics *statistics `json:"statistics,omitempty"`
}

type setLabel struct {
	ID   int    `json:"id,omitempty"`
	Type string `json:"type"`
	Name string `json:"name"`
}

type setSetting struct {
	DisableUpdate bool `json:"disableUpdate,omitempty"`
	Ephemeral     bool `json:"ephemeral,omitempty"`
	Elastic       bool `json:"isElastic,omitempty"`
}

// json shows the set as its admin sees it. That its statistics are as late as those of messages is assumed.
func (s *scaleSet) json(base string) setJSON {
	n := s.shownStatistics()
	out := setJSON{ID: s.id, Name: s.name, Group: s.group, Created: s.created.UTC().Format("2006-01-02T15:04:05.999Z"),
		Setting: &setSetting{DisableUpdate: s.disableUpdate, Ephemeral: true, Elastic: true}, Statistics: &n,
		JITAddress: fmt.Sprintf("%s_apis/runtime/runnerscalesets/%d/generatejitconfig", base, s.id)}
	for i, l := range s.labels {
		out.Labels = append(out.Labels, setLabel{ID: i + 1, Type: "System", Name: l})
	}
	for _, g := range s.hub.groupsOf(s.scope) {
		if g.ID == s.group {
			out.GroupName = g.Name
		}
	}
	return out
}

// findGroup finds runner groups by name; the client says itself that there is none.
func findGroup(call *actionsCall) answer {
	name := call.req.URL.Query().Get("groupName")
	type groupJSON struct {
		ID      int64  `json:"id"`
		Name    string `json:"name"`
		Size    int    `json:"size"`
		Default bool   `json:"isDefaultGroup"`
	}
	var found []groupJSON
	for _, g := range call.groupsOf(call.scope) {
		if name == "" || strings.EqualFold(g.Name, name) {
			found = append(found, groupJSON{ID: g.ID, Name: g.Name, Default: g.ID == 1})
		}
	}
	return actionsJSON(http.StatusOK, list(found))
}

// findScaleSet finds sets by name and group.
func findScaleSet(call *actionsCall) answer {
	query := call.req.URL.Query()
	group, _ := strconv.ParseInt(query.Get("runnerGroupId"), 10, 64) // none means any
	var found []setJSON
	for _, s := range call.setsOf(call.scope) {
		if (group == 0 || s.group == group) && (!query.Has("name") || strings.EqualFold(s.name, query.Get("name"))) {
			found = append(found, s.json(call.base))
		}
	}
	return actionsJSON(http.StatusOK, list(found))
}

// setsOf returns the sets of a scope in the order of their ids.
func (h *hub) setsOf(s *scope) []*scaleSet {
	var found []*scaleSet
	for _, set := range h.sets {
		if set.scope == s {
			found = append(found, set)
		}
	}
	return found
}

// readSet reads and checks what creates or changes a set, s being the one that is changed.
func (call *actionsCall) readSet(s *scaleSet) (setJSON, answer, bool) {
	var in setJSON
	if json.Unmarshal(call.body, &in) != nil {
		return in, actionsError(http.StatusBadRequest, "VssPropertyValidationException", "The body cannot be read."),
			false
	}
	name, group := in.Name, cmp.Or(in.Group, 1)
	if s != nil {
		name, group = cmp.Or(in.Name, s.name), cmp.Or(in.Group, s.group)
	}
	switch {
	case name == "":
		return in, actionsError(http.StatusBadRequest, "RunnerScaleSetInvalidException", "A name is required."), false
	case !slices.ContainsFunc(call.groupsOf(call.scope), func(g RunnerGroup) bool { return g.ID == group }):
		return in, actionsError(http.StatusNotFound, "TaskAgentPoolNotFoundException",
			fmt.Sprintf("No runner group found with identifier %d.", group)), false
	}
	for _, other := range call.setsOf(call.scope) {
		if other != s && other.group == group && strings.EqualFold(other.name, name) {
			return in, call.setExists(group), false
		}
	}
	for _, l := range in.Labels {
		if l.Name == "" || slices.Contains(call.w.cfg.ScaleSets.RefusedLabels, l.Name) {
			return in, actionsError(http.StatusBadRequest, "RunnerScaleSetLabelInvalidException",
				fmt.Sprintf("The label %q is not valid.", l.Name)), false
		}
	}
	in.Name, in.Group = name, group
	return in, answer{}, true
}

// setExists refuses a name that is taken, by status and words of
// https://github.com/macstadium/orka-github-actions-integration/pull/63
func (call *actionsCall) setExists(group int64) answer {
	name := ""
	for _, g := range call.groupsOf(call.scope) {
		if g.ID == group {
			name = g.Name
		}
	}
	return actionsError(http.StatusBadRequest, "RunnerScaleSetExistsException",
		"had issue communicating with Actions backend: The runner scale set already exists in runner group "+name+".")
}

// createScaleSet: "runner scale set names must be unique within a runner group" (client.go, CreateRunnerScaleSet).
func createScaleSet(call *actionsCall) answer {
	in, refusal, ok := call.readSet(nil)
	if !ok {
		return refusal
	}
	s := call.newSet(call.scope, in.Name)
	s.change(in)
	call.assignSets()
	return actionsJSON(http.StatusOK, s.json(call.base))
}

// change takes over what a body says; what it leaves out stays.
func (s *scaleSet) change(in setJSON) {
	s.name, s.group = in.Name, in.Group
	if len(in.Labels) > 0 || len(s.labels) == 0 {
		names := make([]string, len(in.Labels))
		for i, l := range in.Labels {
			names[i] = l.Name
		}
		s.setLabels(names)
	}
	if in.Setting != nil {
		s.disableUpdate = in.Setting.DisableUpdate
	}
}

func getScaleSet(call *actionsCall) answer {
	return actionsJSON(http.StatusOK, call.set.json(call.base))
}

func updateScaleSet(call *actionsCall) answer {
	in, refusal, ok := call.readSet(call.set)
	if !ok {
		return refusal
	}
	call.set.change(in)
	call.assignSets()
	return actionsJSON(http.StatusOK, call.set.json(call.base))
}

// deleteScaleSet ends the set, its session and its registrations. Jobs that were assigned wait again.
func deleteScaleSet(call *actionsCall) answer {
	call.deleteSet(call.set)
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

func (h *hub) deleteSet(s *scaleSet) {
	s.gone, s.session = true, nil
	h.sets = slices.DeleteFunc(slices.Clone(h.sets), func(o *scaleSet) bool { return o == s })
	for _, j := range slices.Clone(s.jobs) {
		if j.state.State == jobAssigned {
			h.unassign(j)
		}
	}
	for _, r := range slices.Clone(s.runners) {
		if !r.busy {
			h.remove(r)
		}
	}
	s.wake()
}

// DeleteScaleSet deletes a set by its name, as its owner does on GitHub's pages. It reports whether there was one.
func (w *World) DeleteScaleSet(name string) bool {
	w.enter()
	defer w.mu.Unlock()
	s := w.hub.setNamed(name)
	if s != nil {
		w.hub.deleteSet(s)
	}
	return s != nil
}

// setNamed finds a set by its name in any scope.
func (h *hub) setNamed(name string) *scaleSet {
	for _, s := range h.sets {
		if strings.EqualFold(s.name, name) {
			return s
		}
	}
	return nil
}

package action

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

const instanceExample = "for example ec2-instance-id: ${{ needs.start-runner.outputs.ec2-instance-id }}"

// stopReader reads the inputs of mode stop.
type stopReader struct{ r *reader }

func (s stopReader) stop(request Request) *stop.Request {
	wanted := &stop.Request{
		Run: request.Run, Scope: request.Scope, Region: request.Region, Label: s.r.text("label"),
		AllOfRun:    s.r.ownFlag("all-of-run"),
		InstanceIDs: s.r.instanceIDs(), Handoffs: s.handoffs(), Action: s.r.text("stop-action"),
		Keep: s.r.keepMinutes("keep-minutes"),
	}
	if wanted.Action != "" && wanted.Action != stop.ActionTerminate && wanted.Action != stop.ActionStop {
		s.r.refuse(fmt.Sprintf("The 'stop-action' input is %q, which is neither terminate nor stop.", wanted.Action),
			"for example stop-action: stop; by default existing machines are stopped and others terminated")
	}
	if wanted.Action == stop.ActionStop && wanted.Keep > 0 {
		s.r.warn("The 'keep-minutes' input has no effect: with 'stop-action: stop' the machine is stopped, " +
			"and its disk stays")
	}
	named := len(wanted.InstanceIDs)+len(wanted.Handoffs) > 0
	switch {
	case named || wanted.Label != "" || wanted.AllOfRun:
	case namesNoRunner(s.r.text("runners")): // as from `|| '{}'` in an expression: it must not mean all of the run
		s.r.refuse("The 'runners' input of the 'stop' mode names no runner.",
			"pass start's output 'runners' as a whole; if there are no runners, skip this step, or set "+
				"'all-of-run: true' to stop all runners of this run")
	case s.r.text("runners") == "":
		s.r.refuse("The 'ec2-instance-id' input is required for the 'stop' mode.",
			instanceExample+"; or give the 'label', or pass start's output 'runners' to 'runners', or set "+
				"'all-of-run: true' to stop all runners of this run. start's outputs are empty if it failed and left "+
				"nothing, and if GitHub dropped them because they contain a secret")
	}
	if !named && request.Run.ID == "" {
		s.r.refuse("GITHUB_RUN_ID is not set, so the runners of this run cannot be found",
			"GitHub sets it for every step; outside of GitHub give 'ec2-instance-id'")
	}
	return wanted
}

// namesNoRunner reports whether a text is JSON null or an empty JSON object.
func namesNoRunner(text string) bool {
	var object map[string]any
	return text != "" && json.Unmarshal([]byte(text), &object) == nil && len(object) == 0
}

var instanceForm = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// instanceIDs reads one instance id or several: comma-, space- or newline-separated, or the JSON array of the output
// ec2-instance-ids.
func (r *reader) instanceIDs() []string {
	ids := r.list("ec2-instance-id")
	if text := r.text("ec2-instance-id"); strings.HasPrefix(text, "[") {
		ids = nil
		if err := json.Unmarshal([]byte(text), &ids); err != nil {
			r.refuse("Failed to parse ec2-instance-id: "+err.Error()+machine.JSONPlace(text, err), instanceExample)
		}
	}
	for _, id := range ids {
		if !instanceForm.MatchString(id) {
			r.refuse(fmt.Sprintf("The 'ec2-instance-id' input is %q, which is not an instance id.", id),
				instanceExample)
		}
	}
	return slices.Compact(ids)
}

// handoffs reads start's output `runners`.
func (s stopReader) handoffs() []tags.Handoff {
	text := s.r.text("runners")
	if text == "" {
		return nil
	}
	const example = "for example runners: ${{ needs.start-runner.outputs.runners }}"
	var byName map[string]handoff
	if err := json.Unmarshal([]byte(text), &byName); err != nil {
		s.r.refuse("Failed to parse runners: "+err.Error()+machine.JSONPlace(text, err), example)
		return nil
	}
	var list []tags.Handoff
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		given := byName[name]
		if !instanceForm.MatchString(given.InstanceID) {
			s.r.refuse(fmt.Sprintf("Failed to parse runners: %q has no valid ec2-instance-id", name), example)
		}
		s.r.region("runners", given.Region)
		list = append(list, given.of(name))
	}
	return list
}

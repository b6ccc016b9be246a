package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// createToken: https://docs.github.com/rest/actions/self-hosted-runners#create-a-registration-token-for-a-repository
func createToken(call *hubCall) answer {
	expires := call.clock().Add(time.Hour)
	value := "A" + strings.ToUpper(call.w.hex(28))
	made := &registration{scope: call.scope, expires: expires}
	if call.installed != nil {
		made.installed = call.installed.installation
	}
	call.tokens[value] = made
	return hubJSON(http.StatusCreated, map[string]string{"token": value,
		"expires_at": expires.UTC().Format(time.RFC3339)})
}

// generateJIT:
// https://docs.github.com/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository
func generateJIT(call *hubCall) answer {
	var in struct {
		Name   *string   `json:"name"`
		Group  *int64    `json:"runner_group_id"`
		Labels *[]string `json:"labels"`
		Work   *string   `json:"work_folder"`
	}
	if err := json.Unmarshal(call.body, &in); err != nil {
		return hubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	switch {
	case in.Name == nil || in.Group == nil || in.Labels == nil:
		return hubError(http.StatusUnprocessableEntity,
			"Invalid request.\n\n\"name\", \"runner_group_id\", \"labels\" weren't supplied.")
	case !goodName(*in.Name):
		return hubError(http.StatusUnprocessableEntity, fmt.Sprintf("Invalid Argument - Runner name %q is invalid",
			*in.Name))
	case len(*in.Labels) < 1 || len(*in.Labels) > 100:
		return hubError(http.StatusUnprocessableEntity, "Invalid request.\n\nlabels must hold from 1 to 100 items.")
	case !call.groupExists(*in.Group):
		return hubError(http.StatusNotFound, "Not Found")
	}
	labels := make([]string, 0, len(*in.Labels))
	for _, l := range *in.Labels {
		if l == "" || strings.Contains(l, ",") || utf8.RuneCountInString(l) > 256 {
			return hubError(http.StatusUnprocessableEntity, fmt.Sprintf("Invalid Argument - Label %q is invalid", l))
		}
		labels = append(labels, strings.ToLower(l))
	}
	if call.scope.byName[strings.ToLower(*in.Name)] != nil {
		return hubError(http.StatusConflict, fmt.Sprintf("Already exists - A runner with the name %s already exists.",
			*in.Name))
	}
	r := call.register(call.scope, *in.Name, labels)
	r.jit, r.ephemeral, r.group, r.os = true, true, *in.Group, osUnknown
	r.blob = call.newBlob(r)
	call.blobs[jitKey(r.blob)] = r
	return hubJSON(http.StatusCreated, map[string]any{"runner": r.json(), "encoded_jit_config": r.blob})
}

// osUnknown is the system of a registration by JIT that no machine has used yet, as GitHub's own example of the answer
// has it:
// https://docs.github.com/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository
const osUnknown = "unknown"

// goodName reports whether a runner may be called so.
func goodName(name string) bool {
	n := utf8.RuneCountInString(name)
	return n > 0 && n <= 64 && !strings.ContainsAny(name, `":<>/\|*?`) && !strings.ContainsFunc(name, unicode.IsControl)
}

// newBlob creates a JIT configuration as a runner takes it: base64 of a JSON object from file names to base64 contents,
// of about four thousand characters, the most of them a key that no compression makes smaller.
func (h *hub) newBlob(r *runner) string {
	var key strings.Builder
	for key.Len() < 1700 {
		key.WriteString(h.w.hex(64))
	}
	settings := fmt.Sprintf(`{"agentId":"%d","agentName":%q,"poolId":%d,"ephemeral":true,`+
		`"serverUrl":"https://pipelines.example.invalid"}`, r.id, r.name, r.group)
	files, err := json.Marshal(map[string]string{
		".runner":                base64.StdEncoding.EncodeToString([]byte(settings)),
		".credentials":           base64.StdEncoding.EncodeToString([]byte(`{"scheme":"OAuth"}`)),
		".credentials_rsaparams": base64.StdEncoding.EncodeToString([]byte(key.String())),
	})
	if err != nil {
		panic("simulator: encode JIT configuration: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(files)
}

// jitKey is what GitHub knows a runner by: its key. The settings beside it are the runner's to read.
func jitKey(jit string) string {
	var files map[string][]byte
	text, err := base64.StdEncoding.DecodeString(jit)
	if err != nil || json.Unmarshal(text, &files) != nil {
		return jit
	}
	return string(files[".credentials_rsaparams"])
}

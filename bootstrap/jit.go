package bootstrap

import (
	"encoding/base64"
	"encoding/json"
)

// withoutUpdate is a just-in-time configuration whose runner does not update itself: it takes one job, and while it
// updated itself that job would wait. The runner asks GitHub for messages with what DisableUpdate in its settings
// says, and that is how GitHub's own scale sets configure theirs (RunnerSetting.DisableUpdate of actions/scaleset).
// What is no such configuration stays as it is: the runner will say what is wrong with it.
// https://github.com/actions/runner/blob/v2.336.0/src/Runner.Listener/BrokerMessageListener.cs#L296
func withoutUpdate(jit string) string {
	var files map[string][]byte
	var settings map[string]json.RawMessage
	text, err := base64.StdEncoding.DecodeString(jit)
	if err != nil || json.Unmarshal(text, &files) != nil || json.Unmarshal(files[".runner"], &settings) != nil ||
		settings == nil {
		return jit
	}
	// Strings, as GitHub writes them.
	settings["DisableUpdate"] = json.RawMessage(`"True"`)
	runner, err := json.Marshal(settings)
	if err != nil {
		return jit
	}
	files[".runner"] = runner
	if text, err = json.Marshal(files); err != nil {
		return jit
	}
	return base64.StdEncoding.EncodeToString(text)
}

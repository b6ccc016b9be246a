package bootstrap

import (
	"encoding/base64"
	"encoding/json"
)

// withoutUpdate returns a just-in-time configuration that stops the runner from updating itself: the runner takes only
// one job, which would wait for the update. The runner sends the setting DisableUpdate to GitHub when it asks for
// messages, and GitHub's own scale sets set it too (RunnerSetting.DisableUpdate of actions/scaleset). Text that is not
// such a configuration is returned as it is, so that the runner reports what is wrong.
// https://github.com/actions/runner/blob/v2.336.0/src/Runner.Listener/BrokerMessageListener.cs#L296
func withoutUpdate(jit string) string {
	var files map[string][]byte
	var settings map[string]json.RawMessage
	text, err := base64.StdEncoding.DecodeString(jit)
	if err != nil || json.Unmarshal(text, &files) != nil || json.Unmarshal(files[".runner"], &settings) != nil ||
		settings == nil {
		return jit
	}
	// GitHub writes all settings as strings.
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

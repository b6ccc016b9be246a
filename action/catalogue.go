package action

import "strings"

// input is one input of action.yml: its name and what it stands for when it is empty.
type input struct {
	name     string
	fallback string
}

// catalogue lists every input, in the order of action.yml. A test holds it against action.yml, and a reader that asks
// for an input which is not here stops the program. The first 28 are machulav's, with machulav's defaults.
var catalogue = []input{
	{"mode", ""},
	{"github-token", ""},
	{"availability-zones-config", ""},
	{"ec2-image-id", ""},
	{"ec2-instance-type", ""},
	{"subnet-id", ""},
	{"security-group-id", ""},
	{"label", ""},
	{"ec2-instance-id", ""},
	{"iam-role-name", ""},
	{"aws-resource-tags", "[]"},
	{"runner-home-dir", ""},
	{"pre-runner-script", ""},
	{"market-type", ""},
	{"block-device-mappings", ""},
	{"startup-quiet-period-seconds", ""},
	{"startup-retry-interval-seconds", ""},
	{"startup-timeout-minutes", "5"},
	{"run-runner-as-service", "false"},
	{"run-runner-as-user", ""},
	{"ec2-volume-size", ""},
	{"ec2-device-name", ""},
	{"ec2-volume-type", ""},
	{"metadata-options", ""},
	{"packages", "[]"},
	{"use-jit", "false"},
	{"runner-group-id", "1"},
	{"runner-debug", "false"},
	// From here on they are ours.
	{"region", ""},
	{"runners", ""},
	{"count", ""},
	{"min-count", ""},
	{"architecture", ""},
	{"spot-max-price", ""},
	{"capacity-timeout-minutes", "0"},
	{"launch-parameters", ""},
	{"runner-scope", ""},
	{"runner-labels", ""},
	{"ca-certificates", ""},
	{"runner-version", "latest"},
	{"ephemeral", "false"},
	{"idle-timeout-minutes", ""},
	{"max-lifetime-minutes", ""},
	{"own-tags", "true"},
	{"all-of-run", "false"},
	{"dry-run", "false"},
	{"grace-minutes", "10"},
	{"annotations", "true"},
	{"keep-failed-minutes", "0"},
	{"base-image-id", ""},
	{"setup-script", ""},
	{"image-name", ""},
	{"keep-images", "3"},
	{"bake-timeout-minutes", "60"},
	{"force", "false"},
	{"existing-instances", ""},
	{"existing-runner-name", ""},
	{"stop-action", ""},
	{"pool", ""},
	{"pool-size", ""},
	{"pool-max-age-hours", "168"},
}

// inputEnv is the name under which GitHub hands an input over: upper case, hyphens kept.
func inputEnv(name string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

package config

import (
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// The keys of the file, of github, and of a set.
const (
	keyGitHub = "github"
	keyRegion = "region"
	keyListen = "listen"
	keyHosts  = "hosts"
	keySets   = "scale-sets"

	keyURL          = "url"
	keyTokenFile    = "token-file"
	keyAppID        = "app-client-id"
	keyInstallation = "app-installation-id"
	keyAppKeyFile   = "app-private-key-file"
	keyCA           = "ca-certificates"

	keyName    = "name"
	keyLabels  = "labels"
	keyGroup   = "runner-group"
	keyMax     = "max"
	keyMin     = "min"
	keyWarm    = "warm"
	keyMachine = "machine"
)

// The keys of each section.
var (
	FileKeys   = []string{keyGitHub, keyRegion, keyListen, keyHosts, keySets}
	GitHubKeys = []string{keyURL, keyTokenFile, keyAppID, keyInstallation, keyAppKeyFile, keyCA}
	SetKeys    = []string{keyName, keyLabels, keyGroup, keyMax, keyMin, keyWarm, keyMachine}
)

// MachineKeys are the keys of a set's machine: the launch inputs of the action.
func MachineKeys() []string {
	return slices.DeleteFunc(machine.Names(), func(name string) bool {
		return name == keyCA || name == "run-runner-as-service"
	})
}

// elsewhere says what to do about a key that a section does not have: where it belongs, or why it has no meaning. It is
// empty for a key that is none of this file's and no input of the action. home says where keys of the sections around
// this one belong.
func elsewhere(key string, home map[string]string) string {
	if hint := home[key]; hint != "" {
		return hint
	}
	switch {
	case slices.Contains(MachineKeys(), key):
		return "it belongs to the machine of a set: write it under machine:"
	case slices.Contains(SetKeys, key):
		return "it belongs to a set in the list scale-sets:"
	case slices.Contains(GitHubKeys, key):
		return "it is a key of github:"
	case slices.Contains(FileKeys, key):
		return "it belongs to the file, beside scale-sets:"
	}
	return otherwise[key]
}

// besideMachine says to the machine's section where the keys of its set belong.
var besideMachine = func() map[string]string {
	home := map[string]string{keyCA: "it is a key of github:, and every machine gets it"}
	for _, key := range SetKeys {
		home[key] = "it belongs to the set, beside machine:"
	}
	return home
}()

// What to do about inputs of the action that have no meaning for a scale set.
const (
	singleUse  = "leave it out: the runners of a scale set are single-use"
	ownTimes   = "leave it out: the program keeps these times itself, and terminates a machine without a job"
	ofStep     = "leave it out: it belongs to a step of a workflow"
	ofBake     = "leave it out: images are made by a workflow with mode: bake"
	ofExisting = "leave it out: a scale set launches machines of its own"
	ofSweep    = "leave it out: it belongs to a workflow with mode: sweep"
	ofPool     = "leave it out: it belongs to a workflow with mode: pool"
	ofSignIn   = "AWS credentials come from the environment: AWS_PROFILE, AWS_ROLE_ARN, or the role of the " +
		"instance or task"
	writeLabels = "write labels, for example labels: [ec2-amd64]"
	writeWarm   = "write warm, the number of stopped machines kept for the next jobs"
	noSecrets   = "secrets do not stand in this file: write it into a file of its own, "
)

// otherwise are the inputs of the action that have another name in this file, or no meaning for a scale set.
var otherwise = map[string]string{
	"app-id": "write app-client-id, which takes the App's id too", "app-private-key": noSecrets + appExample,
	"aws-region": "write region: eu-west-1", "github-token": noSecrets + tokenExample, "token": noSecrets +
		tokenExample,
	"runner-scope": urlExample,

	"label": writeLabels, "runner-labels": writeLabels, "default-labels": "write labels: [self-hosted, Linux, X64]",
	"count":           fmt.Sprintf("write %s, the number of machines at the same time", keyMax),
	"min-count":       fmt.Sprintf("write %s, the number of idle runners kept online", keyMin),
	"runner-group-id": "write runner-group, the group's name",
	"pool":            writeWarm, "pool-size": writeWarm, "pool-max-age-hours": ofPool,

	"all-of-run": ofStep, "keep-minutes": ofStep, "annotations": ofStep, "dry-run": ofStep, "mode": ofStep,
	"runners":  "write one set for each kind of machine",
	"audience": ofSignIn, "role-duration-seconds": ofSignIn, "role-session-name": ofSignIn, "role-to-assume": ofSignIn,
	"base-image-id": ofBake, "bake-timeout-minutes": ofBake, "copy-kms-keys": ofBake, "copy-timeout-minutes": ofBake,
	"force": ofBake, "image-name": ofBake, "keep-images": ofBake, "regions": ofBake,
	"ec2-instance-id": ofExisting, "existing-instances": ofExisting, "existing-runner-name": ofExisting,
	"stop-action": ofExisting,
	"ephemeral":   singleUse, "run-runner-as-service": singleUse, "use-jit": singleUse,
	"grace-minutes": ofSweep, "rerun-interrupted": ofSweep,
	"idle-timeout-minutes": ownTimes, "keep-failed-minutes": ownTimes, "max-lifetime-minutes": ownTimes,
	"keep-after-job-minutes":       ownTimes,
	"startup-quiet-period-seconds": ownTimes, "startup-retry-interval-seconds": ownTimes,
	"startup-timeout-minutes":  ownTimes,
	"capacity-timeout-minutes": "leave it out: jobs wait at GitHub until there is capacity",
	"order":                    "leave it out: subnets are tried in the order given",
	"own-tags":                 "leave it out: the machines of a scale set are found by their tags",
	"runner-debug":             "leave it out: aws ec2 get-console-output shows a machine's console",
}

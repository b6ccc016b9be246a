package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// reference contains the entries of AWS's Service Authorization Reference for the actions in the policies. A statement
// whose action does not support its resource or condition key grants nothing, without an error.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
type reference struct {
	// Actions are the actions by name, such as ec2:RunInstances.
	Actions map[string]referenceAction `json:"actions"`
	// Resources are the ARN patterns of resource types by service and type, such as ec2:instance.
	Resources map[string]string `json:"resources"`
}

type referenceAction struct {
	// Keys are the condition keys of the action itself.
	Keys []string `json:"keys"`
	// Resources are the resource types of the action, with their condition keys. An action without any has the resource
	// "*".
	Resources map[string][]string `json:"resources"`
}

// taskActions are the actions with which ECS starts the task of docs/aws/scale-sets.yml; this program does not use
// them.
var taskActions = []string{"logs:CreateLogStream", "logs:PutLogEvents", "ssm:GetParameters"}

// readReference reads the entries that the policies need from the reference's files, one for each service and kind.
func readReference(dir string) (reference, error) {
	ref := reference{Actions: map[string]referenceAction{}, Resources: map[string]string{}}
	actions := slices.Clone(taskActions)
	for _, r := range rights {
		actions = append(actions, r.statement.Action...)
	}
	for _, action := range actions {
		if err := ref.add(dir, action); err != nil {
			return reference{}, fmt.Errorf("read reference: %s: %w", action, err)
		}
	}
	return ref, nil
}

func (ref reference) add(dir, action string) error {
	service, verb, _ := strings.Cut(action, ":")
	var actions map[string]struct {
		Name          string   `json:"name"`
		ConditionKeys []string `json:"conditionKeys"`
		ResourceTypes []struct {
			Name          string   `json:"name"`
			ConditionKeys []string `json:"conditionKeys"`
		} `json:"resourceTypes"`
	}
	if err := readJSON(filepath.Join(dir, "actions", service+".json"), &actions); err != nil {
		return err
	}
	var types map[string]struct {
		ARN string `json:"arn"`
	}
	if err := readJSON(filepath.Join(dir, "resourceTypes", service+".json"), &types); err != nil {
		return err
	}
	found, known := actions[strings.ToLower(verb)]
	if !known || found.Name != verb {
		return fmt.Errorf("no such action")
	}
	entry := referenceAction{Keys: found.ConditionKeys, Resources: map[string][]string{}}
	for _, r := range found.ResourceTypes {
		name := service + ":" + r.Name
		entry.Resources[name], ref.Resources[name] = r.ConditionKeys, types[strings.ToLower(r.Name)].ARN
	}
	ref.Actions[action] = entry
	return nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path) //nolint:gosec // the folder that the caller names
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

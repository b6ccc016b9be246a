package machine

import (
	"maps"
	"slices"
)

// defaults are the inputs that a machine is read from, by name, each with what it stands for when it is empty.
var defaults = map[string]string{
	"architecture": "", "availability-zones-config": "", "aws-resource-tags": "[]", "block-device-mappings": "",
	"ca-certificates": "", "ec2-device-name": "", "ec2-image-id": "", "ec2-instance-type": "", "ec2-volume-size": "",
	"ec2-volume-type": "", "iam-role-name": "", "job-report": "false", "launch-parameters": "", "market-type": "",
	"metadata-options": "", "packages": "[]", "pre-runner-script": "", "region": "", "run-runner-as-service": "false",
	"run-runner-as-user": "", "runner-home-dir": "", "runner-version": "latest", "security-group-id": "",
	"setup-script": "", "spot-max-price": "", "subnet-id": "",
}

// Names lists the inputs that Inputs.Machine reads, sorted.
func Names() []string { return slices.Sorted(maps.Keys(defaults)) }

// Default is what an input stands for when it is empty.
func Default(name string) string { return defaults[name] }

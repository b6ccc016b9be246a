package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// steps are the inputs of the start and stop steps of a workflow. A single-use machine needs no stop.
type steps struct{ start, stop map[string]string }

// readSteps reads them from the first YAML block of the README, so that the demo runs what a newcomer copies.
func readSteps(readme string) (steps, error) {
	text, err := os.ReadFile(readme) //nolint:gosec // named on the command line
	if err != nil {
		return steps{}, err
	}
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		return steps{}, fmt.Errorf("%s contains no YAML block", readme)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses string            `yaml:"uses"`
				With map[string]string `yaml:"with"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(block), &workflow); err != nil {
		return steps{}, fmt.Errorf("read the workflow in %s: %w", readme, err)
	}
	var wanted steps
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			switch {
			case !strings.HasPrefix(step.Uses, "marqo-ai/ec2-github-runner@"):
			case step.With["mode"] == "start":
				wanted.start = step.With
			case step.With["mode"] == "stop":
				wanted.stop = step.With
			}
		}
	}
	if wanted.start == nil || wanted.stop == nil && wanted.start["ephemeral"] != "true" {
		return steps{}, errors.New("the workflow in " + readme + " has no start step, or no step that ends its machine")
	}
	return wanted, nil
}

// demoVariables replace the variables that docs/guide.md sets.
var demoVariables = map[string]string{
	"AWS_ROLE": "arn:aws:iam::123456789012:role/runner", "AWS_REGION": demoRegion, "RUNNER_APP": "Iv23demo",
	"RUNNER_IMAGE": "ami-0123456789abcdef0", "RUNNER_SUBNETS": "subnet-0123456789abcdef0",
	"RUNNER_SECURITY_GROUP": "sg-0123456789abcdef0",
}

// demoSecrets returns values for the secrets that docs/guide.md sets.
func demoSecrets(world *simulator.World) map[string]string {
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(world.AppKey())})
	return map[string]string{"RUNNER_APP_KEY": string(key), "RUNNER_TOKEN": "ghp_demo"}
}

// furnish adds the role, image, subnet and security group of the workflow to the simulated account, and its App to
// GitHub.
func (s steps) furnish(config *simulator.Config) {
	config.Roles = append(config.Roles, simulator.Role{Name: "runner"})
	owner, _, _ := strings.Cut(demoRepository, "/")
	config.Apps = append(config.Apps, simulator.App{
		ID: 1, ClientID: demoVariables["RUNNER_APP"], Slug: "ec2-runners",
		Permissions:   map[string]string{"administration": "write", "actions": "read", "metadata": "read"},
		Installations: []simulator.Installation{{ID: 2, Account: owner, Repositories: []string{demoRepository}}},
	})
	config.Images = append(config.Images, simulator.Image{
		ID: evaluate(s.start["ec2-image-id"], nil, nil), Region: demoRegion, Name: "ubuntu-24.04", Owner: "self",
		Architecture: "x86_64", RootDevice: "/dev/sda1",
	})
	config.Subnets = append(config.Subnets, simulator.Subnet{ID: evaluate(s.start["subnet-id"], nil, nil),
		Zone: demoRegion + "a", VPC: "vpc-0123456789abcdef0", CIDR: "10.9.0.0/20"})
	config.SecurityGroups = append(config.SecurityGroups, simulator.SecurityGroup{
		ID: evaluate(s.start["security-group-id"], nil, nil), Name: "runners", Region: demoRegion,
		VPC: "vpc-0123456789abcdef0",
	})
}

// evaluate replaces GitHub's expressions: secrets, variables, and outputs of the start job.
func evaluate(value string, secrets, outputs map[string]string) string {
	inner, isExpression := strings.CutPrefix(value, "${{")
	if !isExpression {
		return value
	}
	inner = strings.TrimSpace(strings.TrimSuffix(inner, "}}"))
	if name, isSecret := strings.CutPrefix(inner, "secrets."); isSecret {
		return secrets[name]
	}
	if name, isVariable := strings.CutPrefix(inner, "vars."); isVariable {
		return demoVariables[name]
	}
	return outputs[inner[strings.LastIndex(inner, ".")+1:]]
}

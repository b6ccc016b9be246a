package main

import (
	"maps"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/guide"
)

// base are the required parameters of every stack; other has another value for each of the template's parameters.
var (
	base  = map[string]string{"Repository": "demo-org/demo", "OwnerId": "1", "RepositoryId": "2"}
	other = map[string]string{
		"Repository": "a/b", "OwnerId": "3", "RepositoryId": "4", "Subject": "environment:ci",
		"OidcProviderArn": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com", "Images": "false",
		"Pool":     "true",
		"Existing": "true", "ExistingTagValue": "yes",
		"KmsKeyArns":        "arn:aws:kms:us-east-1:1:key/a, arn:aws:kms:us-east-1:1:key/b",
		"MachinePolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess", "MaxSessionSeconds": "3600", "VpcId": "vpc-1",
		"NetworkCidr": "10.0.0.0/16", "SubnetACidr": "10.0.0.0/17", "SubnetBCidr": "10.0.128.0/17",
		"HttpEgress": "true",
	}
)

// templateSettings are the sets of parameters to try.
var templateSettings = eachSetting(base, other)

// eachSetting returns sets of parameters: the required ones only, with each other one, and with all.
func eachSetting(base, other map[string]string) map[string]map[string]string {
	settings := map[string]map[string]string{"none": base, "all": other}
	for name, value := range other {
		one := maps.Clone(base)
		one[name] = value
		settings[name] = one
	}
	return settings
}

func loadTemplate(t *testing.T) *guide.Template {
	t.Helper()
	template, err := guide.ReadTemplate(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// grant is a permission of a GitHub App, with its name in GitHub's API.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
type grant struct{ name, level, shown, modes string }

// appOf is what an App needs for the runners of a scope. The first grant is for all modes.
type appOf struct {
	scope, form string // where its runners register, and the address of GitHub's form for a new App
	grants      []grant
}

var readRuns = grant{"actions", "read", "Actions: read", "sweep; start and stop of existing machines"}

var apps = []appOf{
	{
		"a repository", "https://github.com/settings/apps/new",
		[]grant{{"administration", "write", "Administration: read and write", "all"}, readRuns},
	},
	{
		"an organization", "https://github.com/organizations/MY-ORG/settings/apps/new",
		[]grant{{"organization_self_hosted_runners", "write", "organization's Self-hosted runners: read and write",
			"all"},
			readRuns},
	},
}

// appTable returns a table of what an App needs, by scope and mode.
func appTable() string {
	var b strings.Builder
	b.WriteString("| runners of | mode | permission | in the API |\n| --- | --- | --- | --- |\n")
	for _, app := range apps {
		for _, g := range app.grants {
			fmt.Fprintf(&b, "| %s | %s | *%s* | `%s: %s` |\n", app.scope, g.modes, g.shown, g.name, g.level)
		}
	}
	return b.String()
}

// formAddress returns the address of GitHub's form for a new App, with its fields filled in.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-using-url-parameters
func (a appOf) formAddress() string {
	words := []string{"name=MY-RUNNERS", "url=" + url.QueryEscape("https://github.com/OWNER/REPO"), "public=false",
		"webhook_active=false"}
	for _, g := range a.grants {
		words = append(words, g.name+"="+g.level)
	}
	return a.form + "?" + strings.Join(words, "&")
}

// manifest returns the App as JSON, for programs that register it.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func (a appOf) manifest() (string, error) {
	permissions := map[string]string{}
	for _, g := range a.grants {
		permissions[g.name] = g.level
	}
	text, err := json.MarshalIndent(struct {
		Name        string            `json:"name"`
		URL         string            `json:"url"`
		Public      bool              `json:"public"`
		Permissions map[string]string `json:"default_permissions"`
	}{"MY-RUNNERS", "https://github.com/OWNER/REPO", false, permissions}, "", "  ")
	return string(text), err
}

// signIn returns the page's section on how the action signs in at AWS and GitHub, and what that needs.
func signIn() (string, error) {
	manifest, err := apps[slices.IndexFunc(apps, func(a appOf) bool { return a.scope == "a repository" })].manifest()
	if err != nil {
		return "", err
	}
	var forms strings.Builder
	for _, app := range apps {
		fmt.Fprintf(&forms, "For runners of %s:\n\n```\n%s\n```\n\n", app.scope, app.formAddress())
	}
	return strings.NewReplacer("FORMS\n\n", forms.String(), "TABLE\n", appTable(), "MANIFEST", manifest, "'''", "```",
		"''", "`").Replace(signInText), nil
}

// signInText contains ” for each backquote.
const signInText = `## OIDC trust policy

With ''role-to-assume'' the action assumes the role by itself: it gets a token from GitHub's OIDC endpoint,
exchanges it at AWS STS (''AssumeRoleWithWebIdentity'') for a session, and does so again before the session ends. No
key is stored anywhere, and the role's policies need nothing more for it. The job needs ''permissions: {id-token:
write}''.

With this trust policy, workflows of one repository can assume the role. GitHub's OIDC provider must exist in the
account. [docs/aws/ec2-github-runner.yml](aws/ec2-github-runner.yml) is a CloudFormation template with provider,
role, policies and network; the [guide](guide.md) uses it.

'''json
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
        "StringLike": {
          "token.actions.githubusercontent.com:sub": ["repo:OWNER/REPO:*", "repo:OWNER@OWNER-ID/REPO@REPO-ID:*"]
        }
      }
    }
  ]
}
'''

- **''sub''** says which workflow run asks: ''repo:OWNER/REPO:'' and then ''ref:refs/heads/BRANCH'',
  ''ref:refs/tags/TAG'', ''pull_request'', or ''environment:NAME'' where the job has an ''environment''. AWS
  compares by case. To narrow the policy, name one in place of ''*'', for example
  ''repo:OWNER/REPO:ref:refs/heads/main''.
- **Two forms of ''sub''.** Repositories that were created, renamed or moved since July 2026 have [their numbers in
  the subject](https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens);
  older ones have the names alone, unless they opted in. Leave out the form that your repository does not use. ''gh
  api repos/OWNER/REPO --jq .owner.id,.id'' prints the numbers.
- **''aud''** is the input ''audience'', by default ''sts.amazonaws.com''. The provider lists it as a client ID too.
- **How long a session may be**: ''role-duration-seconds'' may be as high as the role's *maximum session duration*,
  an hour unless it is set (''MaxSessionSeconds'' in the template). Since the action renews its session, an hour is
  enough for a start, a bake or a pool of any length.
- **With keys** in the step's environment (''AWS_ACCESS_KEY_ID'', ''AWS_SECRET_ACCESS_KEY'', ''AWS_SESSION_TOKEN'')
  the role is assumed with them and not by OIDC: its trust policy must then allow ''sts:AssumeRole'' to their user
  or role, and they need ''sts:AssumeRole'' on the role.
- **Without ''role-to-assume''** the action uses the credentials of its environment, such as those of
  ''aws-actions/configure-aws-credentials'' in an earlier step ([example](../examples/separate-steps.yml)). It
  cannot renew these.

[GitHub's page](https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws)
has more.

## The GitHub App

The workflow's own ''GITHUB_TOKEN'' cannot manage runners; a GitHub App of yours, or [a token](#the-github-token),
can. An App belongs to no person and does not expire. Give its client ID (or its number) as ''app-client-id'' and
its private key as ''app-private-key''. The action finds the App's installation and makes a token of it, with the
permissions that the mode needs. The token of a repository's runners is for that repository alone. It is valid for
an hour, and the action makes another one before it ends.

TABLE

- ''ec2-github-runner-serve'' ([scale sets](scale-sets.md)) needs what stands beside *all*.
- ''rerun-interrupted'' in sweep needs *Actions: read and write*: write ''actions=write'' in the addresses below.
- An App cannot manage an enterprise's runners: GitHub's API for them takes classic tokens only.

These addresses open GitHub's form for a new App with everything filled in; replace what is in capitals. The
[guide](guide.md#4-a-github-app-that-may-manage-runners) takes you through the rest: create it, generate a private
key, install it on the repository or the organization.

FORMS

Programs create the same App from this manifest, by [GitHub's manifest
flow](https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest); for an
organization, write ''organization_self_hosted_runners'' in place of ''administration'':

'''json
MANIFEST
'''

When the permissions of an App change, an owner of the repository or organization must accept the change on the page
of the installation; until then the old ones apply. For GitHub Enterprise Server and ghe.com, create the App there,
at the same paths.

## The GitHub token

Instead of the App, the action takes a token as ''github-token''.

| runners of | fine-grained token | token of a GitHub App | classic token |
| --- | --- | --- | --- |
| a repository | *Administration: read and write* on it | *Administration: read and write* | ''repo'' |
| an organization | organization's *Self-hosted runners: read and write* | the same | ''admin:org'' |
| an enterprise | – | – | ''manage_runners:enterprise'' |

| mode | additional permission |
| --- | --- |
| sweep; start and stop of [existing machines](existing-machines.md) | *Actions: read* on the repository, to see ` +
	`whether a run is over; without it, sweep removes only what is expired or gone, and an existing machine of ` +
	`another ` +
	`run counts as in use |
| sweep with ''rerun-interrupted'' | *Actions: read and write* on the repository |
| start with a name in ''runner-group-id'' | to list the runner groups; the organization's permission above ` +
	`includes it |

A token that an earlier step makes of an App (''actions/create-github-app-token'') is valid for an hour and cannot
be renewed, so the stop job must make its own ([GitHub's
page](https://docs.github.com/en/rest/actions/self-hosted-runners)).
`

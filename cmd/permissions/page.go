package main

import (
	"fmt"
	"slices"
	"strings"
)

// head and tail are the page's prose; what stands between them is made from the table.
const head = `# Permissions

<!-- Made by make permissions-page from cmd/permissions; a test holds it against the calls that the program can make. -->

What the AWS credentials and the GitHub token must be allowed, for each mode and each feature. ` + "`make permissions`" + ` prints the policy for a
set of modes and features:

` + "```" + `
make permissions MODES="start stop" FEATURES="console survey" REPOSITORY=my-org/my-repo ACCOUNT=123456789012 ROLE=runner
` + "```" + `

The policies go by this action's own tags: a launch must carry the tag ` + "`" + repositoryTag + "`" + `, and only what carries it may be ended. Put your
repository in the place of ` + "`" + ownerRepo + "`" + ` (for several: a list, or StringLike with ` + "`my-org/*`" + `). Credentials that may not tag work too (machulav's policy
does): then nothing can go by tags, and the action says so once. In China and
GovCloud write ` + "`aws-cn` and `aws-us-gov`" + ` for ` + "`aws`" + ` in the ARNs. ` + "`mode: check`" + ` tells what is missing.

Machines that you keep (feature ` + "`existing`" + `) carry none of these tags when a start takes them, so they need a tag of your own: put it in the place of
` + "`" + keptKey + "` and `" + keptValue + "`" + ` (` + "`KEPT=Role=gpu-runner`" + `). A machine that was taken carries this action's tags, so what may end this action's machines may end it too;
the action never does that unless ` + "`stop-action: terminate`" + ` is written out. Who wants to rule it out adds a statement with ` + "`Effect: Deny`" + ` for
` + "`ec2:TerminateInstances`" + ` on what carries your tag.

`

const tail = `## Trust: credentials without keys

A role that workflows of one repository take on by OIDC; GitHub's provider must be set up in the account once. Name a branch or an environment in
` + "`sub`" + ` to narrow it further. Repositories that were created, renamed or moved since July 2026 have
[their numbers in the subject](https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens), which
` + "`gh api repos/OWNER/REPO --jq '.owner.id, .id'`" + ` tells; older ones have the names alone, unless they opted in. Leave out the form that yours does not use.
[docs/aws/ec2-github-runner.yml](aws/ec2-github-runner.yml) is a CloudFormation template with provider, role, policies and network; the [guide](guide.md) uses it.

` + "```json" + `
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
` + "```" + `

The job needs ` + "`permissions: {id-token: write, contents: read}`" + ` and ` + "`aws-actions/configure-aws-credentials`" + ` with ` + "`role-to-assume`" + `.
https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws

## The GitHub token

The workflow's own ` + "`GITHUB_TOKEN`" + ` cannot manage runners.

| runners of | fine-grained token | GitHub App | classic token |
| --- | --- | --- | --- |
| a repository | *Administration: read and write* on it | *Administration: read and write* | ` + "`repo`" + ` |
| an organization | organization's *Self-hosted runners: read and write* | the same | ` + "`admin:org`" + ` |
| an enterprise | – | – | ` + "`manage_runners:enterprise`" + ` |

| mode | besides |
| --- | --- |
| sweep | *Actions: read* on the repository, to see whether a run is over; without it only what is expired or gone is removed |
| start with ` + "`runner-group-id`" + ` given by name | the right to list the runner groups, which the organization's permission above holds |

A GitHub App's token is made by actions/create-github-app-token in an earlier step; it lives for an hour, so make one in the stop job too.
https://docs.github.com/en/rest/actions/self-hosted-runners
`

// page is docs/permissions.md.
func page() (string, error) {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("## What may be left out\n\n| feature | what it is for | without it | actions |\n| --- | --- | --- | --- |\n")
	for _, f := range features {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.what, f.without, actionsOf(f.name))
	}
	b.WriteString("\n## For each mode\n\nThe statements of a mode's features stand below it; each may be added by itself.\n\n")
	for _, m := range modes {
		fmt.Fprintf(&b, "### mode: %s\n\nIt %s.\n\n", m.name, m.what)
		p, err := least([]string{m.name}, nil)
		if err != nil {
			return "", err
		}
		if err := block(&b, "policy: "+m.name, p); err != nil {
			return "", err
		}
		for _, f := range features {
			more := policy{Version: p.Version, Statement: only(m.name, f.name)}
			if len(more.Statement) == 0 {
				continue
			}
			fmt.Fprintf(&b, "With `%s`:\n\n", f.name)
			if err := block(&b, "policy: "+m.name+" "+f.name, more); err != nil {
				return "", err
			}
		}
	}
	b.WriteString(tail)
	return b.String(), nil
}

// block writes a policy under a mark by which tests find it.
func block(b *strings.Builder, mark string, p policy) error {
	text, err := p.text(nil)
	fmt.Fprintf(b, "<!-- %s -->\n```json\n%s```\n\n", mark, text)
	return err
}

// only are the statements of one feature of one mode.
func only(mode, feature string) []statement {
	var list []statement
	for _, r := range rights {
		if r.feature == feature && slices.Contains(r.modes, mode) {
			s := r.statement
			s.Effect = "Allow"
			list = append(list, s)
		}
	}
	return list
}

func actionsOf(feature string) string {
	var list []string
	for _, r := range rights {
		if r.feature != feature {
			continue
		}
		for _, action := range r.statement.Action {
			if quoted := "`" + action + "`"; !slices.Contains(list, quoted) {
				list = append(list, quoted)
			}
		}
	}
	return strings.Join(list, ", ")
}

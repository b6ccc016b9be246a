package main

import (
	"fmt"
	"slices"
	"strings"
)

// head and conditions are the page's prose, besides signInText. The policies between are generated from the table.
const head = `# Permissions

<!-- Made by make permissions-page from cmd/permissions; a test holds it against the calls that the program can ` +
	`make. -->

- Policy of a mode: [start](#mode-start), [stop](#mode-stop), [sweep](#mode-sweep), [check](#mode-check),
  [pool](#mode-pool), [bake](#mode-bake), [scale sets](#ec2-github-runner-serve)
- [Optional features](#optional-features), one statement each
- [OIDC trust policy](#oidc-trust-policy), [the GitHub App](#the-github-app), [the GitHub token](#the-github-token)

Replace the placeholders:

| placeholder | value |
| --- | --- |
| ` + "`OWNER/REPO`" + ` | your repository; for several, a list, or ` + "`StringLike`" + ` with ` + "`my-org/*`" + ` |
| ` + "`ACCOUNT`" + `, ` + "`MACHINE-ROLE`" + ` | the account's number, and the role of the instance profile in ` +
	"`iam-role-name`" + ` |
| ` + "`KEPT-TAG`" + `, ` + "`KEPT-VALUE`" + ` | a tag of yours on machines that you keep (feature ` + "`existing`" +
	`) |
| ` + "`KMS-KEY-ARN`" + ` | the KMS key of your volumes (feature ` + "`kms`" + `) |
| ` + "`SCOPE`" + ` | where [scale sets](scale-sets.md) are: ` + "`my-org`" + `, ` + "`my-org/my-repo`" + ` or ` +
	"`enterprises/NAME`" + `, as in their file's ` + "`url`" + ` |

In China and GovCloud, replace ` + "`aws`" + ` in the ARNs with ` + "`aws-cn`" + ` or ` + "`aws-us-gov`" +
	`. This command prints the same policies with your values:

` + "```sh" + `
make permissions MODES="start stop" FEATURES="console survey" REPOSITORY=my-org/my-repo ACCOUNT=123456789012 ROLE=runner
` + "```" + `

## Policies by mode

`

const conditions = `## What the conditions mean

- **Launch and create images:** only with the tag ` + "`ec2-github-runner:repository`" +
	` of your repository, which the action sets on instances, volumes, images and snapshots.
- **Scale sets:** the same by the tags ` + "`ec2-github-runner:scope`" + ` and ` + "`ec2-github-runner:mode`" + `.
- **Terminate, stop, start, image and delete:** only resources that carry this tag.
- **Create tags:** at a launch or with a new image; afterwards, only the action's own keys on resources that carry
  the tag.
- **IAM:** the role is passed to EC2 only, and the only service-linked role that may be created is that for spot.
- **Existing machines** carry no such tag before the first start that takes them, so the feature ` + "`existing`" +
	` lets the action tag machines that carry *your* tag. From then on the
  statement ` + "`TerminateOwn`" + ` covers them too. The action terminates them only with ` +
	"`stop-action: terminate`" + `. To rule this out, add a statement with ` + "`Effect: Deny`" + ` for
  ` + "`ec2:TerminateInstances`" + ` on resources that carry your tag.
- **Without the permission to create tags** (machulav's policy lacks it) the action works, untagged, and says so once.
- **The resource ` + "`*`" + `** stands only with actions that read.

` + "`mode: check`" + ` reports what is missing.

`

// title returns the name of a mode for headings.
func title(mode string) string {
	if mode == modeServe {
		return "ec2-github-runner-serve"
	}
	return "mode: " + mode
}

// page returns docs/permissions.md.
func page() (string, error) {
	var b strings.Builder
	b.WriteString(head)
	for _, m := range modes {
		fmt.Fprintf(&b, "### %s\n\n%s.\n\n", title(m.name), m.what)
		p, err := least([]string{m.name}, nil)
		if err != nil {
			return "", err
		}
		if err := block(&b, "policy: "+m.name, p); err != nil {
			return "", err
		}
	}
	if err := writeFeatures(&b); err != nil {
		return "", err
	}
	b.WriteString(conditions)
	text, err := signIn()
	b.WriteString(text)
	return b.String(), err
}

// writeFeatures writes the list of the features, and each of their statements once, with the modes that need it.
func writeFeatures(b *strings.Builder) error {
	b.WriteString("## Optional features\n\nEach may be left out; the action then says so and does without. Add a " +
		"feature's statements to the policies of the modes that stand above them.\n\n" +
		"| feature | what it is for | without it | actions |\n| --- | --- | --- | --- |\n")
	for _, f := range features {
		fmt.Fprintf(b, "| [`%s`](#feature-%s) | %s | %s | %s |\n", f.name, f.name, f.what, f.without, actionsOf(f.name))
	}
	b.WriteString("\n")
	for _, f := range features {
		fmt.Fprintf(b, "### feature: %s\n\n", f.name)
		for _, list := range byModes(f.name) {
			plural := ""
			if len(list.modes) > 1 {
				plural = "s"
			}
			fmt.Fprintf(b, "For the mode%s %s:\n\n", plural, strings.Join(list.modes, ", "))
			if err := block(b, "policy: "+strings.Join(list.modes, ",")+" "+f.name, policy{Version: policyVersion,
				Statement: list.statements}); err != nil {
				return err
			}
		}
	}
	return nil
}

// shared are statements of a feature that the same modes need.
type shared struct {
	modes      []string
	statements []statement
}

// byModes returns the statements of a feature, grouped by the modes that need them.
func byModes(feature string) []shared {
	var lists []shared
	for _, r := range rights {
		if r.feature != feature {
			continue
		}
		s := r.statement
		s.Effect = "Allow"
		i := slices.IndexFunc(lists, func(l shared) bool { return slices.Equal(l.modes, r.modes) })
		if i < 0 {
			i, lists = len(lists), append(lists, shared{modes: r.modes})
		}
		lists[i].statements = append(lists[i].statements, s)
	}
	return lists
}

// block writes a policy with a mark by which tests find it.
func block(b *strings.Builder, mark string, p policy) error {
	text, err := p.text(nil)
	fmt.Fprintf(b, "<!-- %s -->\n```json\n%s```\n\n", mark, text)
	return err
}

// actionsOf returns the actions of a feature, without duplicates.
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

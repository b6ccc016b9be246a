package refusal

import (
	"errors"
	"regexp"
	"strings"
)

// denial is the content of an authorization failure's message. Action is empty if it cannot be parsed.
type denial struct {
	Action   string // "ec2:RunInstances"
	Resource string // "arn:aws:ec2:us-east-1:111122223333:instance/*"
	Explicit bool   // a policy denies the action; otherwise no policy allows it
	Policy   string // the kind of policy, as in "service control policy"; may be empty
}

// denialText matches the readable part of an authorization failure:
//
//	… is not authorized to perform: ACTION on resource: ARN with an explicit deny in a service control policy[: ARN]
//	… is not authorized to perform: ACTION on resource: ARN because no identity-based policy allows the ACTION action
//
// An encoded message may follow; older responses contain only that.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
// https://repost.aws/knowledge-center/ec2-not-auth-launch
var denialText = regexp.MustCompile(`is not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9*]+) on resource: (\S+)` +
	`(?: (with an explicit deny)(?: in (?:an?|the) ([a-zA-Z -]+))?| because no ([a-zA-Z -]+?) allows )?`)

// parseDenial parses the message of an authorization failure; readable is false if it does not contain the reason.
func parseDenial(message string) (d denial, readable bool) {
	found := denialText.FindStringSubmatch(message)
	if found == nil || (found[3] == "" && found[5] == "") {
		return denial{}, false
	}
	policy := found[4]
	if found[3] == "" {
		policy = found[5]
	}
	return denial{Action: found[1], Resource: strings.TrimRight(found[2], ".,"), Explicit: found[3] != "",
		Policy: strings.TrimSpace(policy)}, true
}

// denialOf returns the denial in an error of class Denied.
func denialOf(err error) (denial, bool) {
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		return denial{}, false
	}
	return parseDenial(call.Message)
}

// kind returns the type of the denied resource: "instance" for "arn:aws:ec2:us-east-1:111122223333:instance/*".
func (d denial) kind() string {
	parts := strings.SplitN(d.Resource, ":", 6)
	if len(parts) < 6 || parts[2] != "ec2" {
		return ""
	}
	kind, _, _ := strings.Cut(parts[5], "/")
	return kind
}

// scope returns to which offerings a denied launch applies. Only an explicit deny is limited to the resource that it
// names: if no policy allows the call, or the reason cannot be parsed, other resources are not allowed either.
func (d denial) scope() scope {
	if !d.Explicit || d.Action != "ec2:RunInstances" {
		return ofAccount
	}
	switch d.kind() {
	case "instance": // its conditions are on the instance: type, tenancy, metadata options
		return ofType
	case "image", "snapshot", "volume": // a volume is created from the image's snapshot
		return ofImage
	case "subnet", "network-interface":
		return ofSubnet
	case "security-group":
		return ofGroup
	case "spot-instances-request":
		return ofMarket
	}
	return ofAccount
}

// mayBeTags reports whether a launch that was denied with tags may be allowed without them: tags are conditions on the
// resources that the launch creates, not on those that it uses. EC2 often does not name the reason.
func (d denial) mayBeTags() bool {
	switch d.Action {
	case "ec2:CreateTags":
		return true
	case "ec2:RunInstances":
		switch d.kind() {
		case "image", "snapshot", "subnet", "security-group", "key-pair", "launch-template", "placement-group":
			return false
		}
		return true
	}
	return false
}

// hint returns what to do about a denial, with the action and resource that EC2 names.
func (d denial) hint() string {
	if !d.Explicit {
		return "allow " + d.Action + " on " + d.Resource + ": no " + d.policy() +
			" allows it (docs/permissions.md has the statements)"
	}
	return hintExplicitDeny + " of " + d.Action + " on " + d.Resource + " in the " + d.policy() +
		", or use a resource that it does not deny: no other policy can allow what one denies"
}

func (d denial) policy() string {
	if d.Policy == "" {
		return "policy"
	}
	return d.Policy
}

package diagnosis

import (
	"errors"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// Hint says what to do about an error; it is "" if nothing certain can be said.
func Hint(err error) string {
	if failed, ok := errors.AsType[*FailedError](err); ok {
		return failed.Hint
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Hint
	}
	if hint := githubHint(err); hint != "" {
		return hint
	}
	return cloudHint(err)
}

func githubHint(err error) string {
	if call, ok := errors.AsType[*github.CallError](err); ok && call.Hint != "" {
		return call.Hint
	}
	switch github.ClassOf(err) {
	case github.Unauthorized:
		return "the github-token is not valid: it may have expired, or the secret is empty or wrong"
	case github.Forbidden:
		call, _ := errors.AsType[*github.CallError](err)
		return call.Advice(needed(err))
	case github.Intercepted:
		return github.AdviceIntercepted
	case github.NotFound:
		return "either there is no such " + kindOf(err) +
			" or the github-token may not see it: give the token access to it, with " + needed(err)
	case github.RateLimited:
		return "too many calls were made with this token: start fewer runners at once, or use a GitHub App's token, " +
			"whose limit is higher"
	case github.Unknown:
		return "GitHub did not answer; see https://www.githubstatus.com, and run the job again"
	}
	if errors.Is(err, github.ErrNameTaken) {
		return "give each start a label of its own, or leave the input 'label' out"
	}
	return ""
}

func scopeOf(err error) github.Scope {
	if call, ok := errors.AsType[*github.CallError](err); ok {
		return call.Scope
	}
	return github.Scope{}
}

func kindOf(err error) string {
	switch scope := scopeOf(err); {
	case scope.IsEnterprise():
		return "enterprise"
	case scope.IsOrganization():
		return "organization"
	}
	return "repository"
}

// needed names the permission that a token needs for the scope of a call.
// https://docs.github.com/en/rest/actions/self-hosted-runners
func needed(err error) string {
	switch kindOf(err) {
	case "enterprise":
		return "the classic scope 'manage_runners:enterprise'"
	case "organization":
		return "'organization_self_hosted_runners: write' on the organization (classic: the scope 'admin:org'); a " +
			"token that may manage a repository's runners may not manage its organization's"
	}
	return "'administration: write' on the repository (classic: the scope 'repo')"
}

func cloudHint(err error) string {
	if hint := refusal.HintOf(err); hint != "" {
		return hint
	}
	if refusal.ClassOf(err) == refusal.Denied {
		return "the AWS credentials do not allow this call; the README lists the permissions that are needed"
	}
	return ""
}

// LaunchHint says what to do if every offering was refused; causes that the user can fix come before those that time
// resolves.
func LaunchHint(causes []error) string {
	const quota = "quota"
	if len(causes) > 0 && !slices.ContainsFunc(causes, func(err error) bool { return refusal.TopicOf(err) != quota }) {
		return refusal.HintOf(causes[0])
	}
	for _, err := range causes {
		if hint := refusal.HintOf(err); hint != "" && refusal.TopicOf(err) != quota {
			return hint
		}
		switch refusal.ClassOf(err) {
		case refusal.Denied:
			return "allow ec2:RunInstances (and iam:PassRole where iam-role-name is set, ec2:CreateTags where " +
				"aws-resource-tags is set); the README shows the policy"
		case refusal.NotFound:
			return "an image, subnet or group exists in one region only: check that ec2-image-id, subnet-id and " +
				"security-group-id are of the region asked"
		case refusal.Profile:
			return "iam-role-name is the name of an instance profile, which may differ from the role's; check it in " +
				"the IAM console"
		}
	}
	if len(causes) == 0 || slices.ContainsFunc(causes,
		func(err error) bool { return refusal.ClassOf(err) == refusal.Capacity }) {
		return "there is no capacity or quota for this type here: add placements in other zones with " +
			"availability-zones-config, take another ec2-instance-type, or ask for a higher quota"
	}
	return "correct the inputs that EC2 names"
}

// StateHint says what to do about an instance that ended while it was starting.
func StateHint(reason string) string {
	switch {
	case strings.Contains(reason, "SpotInstance"):
		return "the spot instance was reclaimed: run the job again, or use an on-demand instance"
	case strings.Contains(reason, "VolumeLimitExceeded"):
		return "the account's limit for EBS volumes is reached: remove volumes or ask for a higher limit"
	case strings.Contains(reason, "InvalidSnapshot"), strings.Contains(reason, "InternalError"):
		return "EC2 could not start the machine from this image: often an encrypted volume whose KMS key the " +
			"credentials may not use, or a broken snapshot"
	case strings.Contains(reason, "UserInitiatedShutdown"), strings.Contains(reason, "InstanceInitiatedShutdown"):
		return "the machine was ended from inside or by a user: its setup may have failed, see the console's last lines"
	}
	return "see the reason that EC2 gives, and the console's last lines"
}

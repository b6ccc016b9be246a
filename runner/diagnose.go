package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// consoleLines is how much of the console a failure shows.
const consoleLines = 30

// phaseWait is the phase in which a machine can be asked what is wrong.
const phaseWait = "wait"

// fail makes a Failure of what went wrong in a phase.
func (st *start) fail(phase string, err error) *Failure {
	failure := &Failure{Phase: phase, Message: err.Error(), Hint: Hint(err)}
	if errors.Is(err, context.Canceled) {
		failure.Message = "the start was cancelled"
		failure.Hint = ""
	}
	return failure
}

// better is the error with the hint that the diagnosis found.
func (f *Failure) better(err error) error {
	if f.Hint == Hint(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return &FailedError{Message: f.Message, Hint: f.Hint, Err: err}
}

// diagnose adds what EC2 and the console say of the first runner that did not come, as far as it may be read, and the
// one hint that fits.
func (st *start) diagnose(ctx context.Context, failure *Failure) {
	for _, s := range st.slots {
		if s.instance.ID == "" || s.timeline.Online > 0 {
			continue
		}
		failure.State = strings.Trim(s.instance.State+" "+s.instance.StateReason, " ")
		if s.taken != nil { // its console is the user's own
			return
		}
		text, err := st.consoleOf(ctx, s)
		if err != nil {
			st.log.Debug("the console cannot be read", "error", err)
			return
		}
		reason := ""
		if !s.instance.Alive() {
			reason = s.instance.StateReason
		}
		found := gather(text, reason, s.Overlay.Has("LaunchTemplate"))
		failure.Reached, failure.Said, failure.Console = found.reached, found.said, tail(text, consoleLines)
		if hint := found.hint(); hint != "" && failure.Phase == phaseWait {
			failure.Hint = hint
		}
		return
	}
}

// said picks out what the boot script itself says is wrong: "pre-runner-script failed with exit 3 at line 7: …".
func said(text string) []string {
	var lines []string
	for _, line := range tail(text, len(text)) {
		_, ours, found := strings.Cut(line, bootstrap.ConsolePrefix)
		if message, isError := strings.CutPrefix(ours, "error: "); found && isError {
			lines = append(lines, message)
		}
	}
	return slices.Compact(lines)
}

// tail returns the last lines of a console, without the colours and carriage returns that a boot writes.
func tail(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(printable(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-n, 0):]
}

// printable drops escape sequences and control characters: what a machine prints is data, not terminal commands.
func printable(text string) string {
	var out strings.Builder
	inEscape := false
	for _, r := range strings.ToValidUTF8(text, "?") {
		switch {
		case r == '\x1b':
			inEscape = true
		case inEscape:
			inEscape = !unicode.IsLetter(r)
		case r == '\n' || r == '\t' || !unicode.IsControl(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}

// Hint states what to do about an error, empty where nothing certain can be said.
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
		return "too many calls were made with this token: start fewer runners at once, or use a GitHub App's token, whose " +
			"limit is higher"
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

// needed is the permission that a token needs for the scope of a call.
// https://docs.github.com/en/rest/actions/self-hosted-runners
func needed(err error) string {
	switch kindOf(err) {
	case "enterprise":
		return "the classic scope 'manage_runners:enterprise'"
	case "organization":
		return "'organization_self_hosted_runners: write' on the organization (classic: the scope 'admin:org'); a token " +
			"that may manage a repository's runners may not manage its organization's"
	}
	return "'administration: write' on the repository (classic: the scope 'repo')"
}

func cloudHint(err error) string {
	if hint := ec2.HintOf(err); hint != "" {
		return hint
	}
	switch ec2.ClassOf(err) {
	case ec2.Credentials:
		return ec2.HintCredentials
	case ec2.Denied:
		return "the AWS credentials do not allow this call; the README lists the permissions that are needed"
	}
	return ""
}

// launchHint returns what to do when every offering was refused: what can be mended before what must be waited for.
func launchHint(causes []error) string {
	if len(causes) > 0 && !slices.ContainsFunc(causes, func(err error) bool { return !ec2.IsQuota(err) }) {
		return ec2.HintQuota
	}
	for _, err := range causes {
		if hint := ec2.HintOf(err); hint != "" && !ec2.IsQuota(err) {
			return hint
		}
		switch ec2.ClassOf(err) {
		case ec2.Denied:
			return "allow ec2:RunInstances (and iam:PassRole where iam-role-name is set, ec2:CreateTags where " +
				"aws-resource-tags is set); the README shows the policy"
		case ec2.NotFound:
			return "an image, subnet or group exists in one region only: check that ec2-image-id, subnet-id and " +
				"security-group-id are of the region asked"
		case ec2.Profile:
			return "iam-role-name is the name of an instance profile, which may differ from the role's; check it in the IAM " +
				"console"
		}
	}
	if len(causes) == 0 || slices.ContainsFunc(causes, func(err error) bool { return ec2.ClassOf(err) == ec2.Capacity }) {
		return "there is no capacity or quota for this type here: add placements in other zones with " +
			"availability-zones-config, take another ec2-instance-type, or ask for a higher quota"
	}
	return "correct the inputs that EC2 names"
}

// stateHint returns what to do about an instance that ended while it was starting.
func stateHint(reason string) string {
	switch {
	case strings.Contains(reason, "SpotInstance"):
		return "the spot instance was reclaimed: run the job again, or use an on-demand instance"
	case strings.Contains(reason, "VolumeLimitExceeded"):
		return "the account's limit for EBS volumes is reached: remove volumes or ask for a higher limit"
	case strings.Contains(reason, "InvalidSnapshot"), strings.Contains(reason, "InternalError"):
		return "EC2 could not start the machine from this image: often an encrypted volume whose KMS key the credentials " +
			"may not use, or a broken snapshot"
	case strings.Contains(reason, "UserInitiatedShutdown"), strings.Contains(reason, "InstanceInitiatedShutdown"):
		return "the machine was ended from inside or by a user: its setup may have failed, see the console's last lines"
	}
	return "see the reason that EC2 gives, and the console's last lines"
}

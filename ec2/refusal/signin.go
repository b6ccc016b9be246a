package refusal

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SignInError is returned if a role could not be assumed. No call was made with its credentials.
type SignInError struct {
	Message string
	Hint    string
	Class   Class // Credentials: refused; Throttle or Unknown: a retry may succeed
	Err     error // the error of STS; nil if no OIDC token could be fetched
}

func (e *SignInError) Error() string { return e.Message }

func (e *SignInError) Unwrap() error { return e.Err }

// IsTransient reports whether a retry may succeed.
func (e *SignInError) IsTransient() bool { return e.Class == Throttle || e.Class == Unknown }

// signInError returns the failed sign-in that an error of the SDK wraps.
func signInError(err error) (*SignInError, bool) { return errors.AsType[*SignInError](err) }

// IsSignIn reports whether an error means that a role could not be assumed.
func IsSignIn(err error) bool {
	_, ok := signInError(err)
	return ok
}

// OfToken returns the error of a sign-in that got no OIDC token: err itself if it is a *SignInError.
func OfToken(err error) *SignInError {
	if said, ok := signInError(err); ok {
		return said
	}
	return &SignInError{Message: err.Error(), Class: Unknown}
}

// The beginnings of hints for a refused sign-in. Each has an entry in docs/troubleshooting.md.
const (
	hintTrustPolicy = "either there is no such role, or its trust policy does not accept this job: "
	hintNoProvider  = "make GitHub's OIDC provider known to the account once: "
	hintAudience    = "the account's OIDC provider does not know this audience: "
	hintMayNotRole  = "the keys in the environment may not assume the role: "
	hintDuration    = "the role does not allow sessions of this length: "
	hintChained     = "the keys in the environment are a session, and AWS limits the next role's to an hour: "
	hintSTSRegion   = "STS is not activated for the account in this region: "
	hintRoleARN     = "correct role-to-assume: "
	hintClock       = "set the clock of the machine that this step runs on: timedatectl set-ntp true"
	hintNoSource    = "the keys in the environment are refused: "
)

// SignIn describes the role that STS refused, for hints.
type SignIn struct {
	ARN      string
	Duration time.Duration // of the session
	OIDC     bool          // the role is assumed with a token; otherwise with keys
	Token    string        // the token, where there is one
	Chained  bool          // the keys are temporary ones themselves
}

// signInRefusals are the hints for STS's errors. The first line that matches applies.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
var signInRefusals = []struct {
	code  string
	says  string // what the message contains, in lower case
	class Class
	hint  func(SignIn) string
}{
	// STS does not distinguish an unknown role from one whose trust policy denies access.
	{"AccessDenied", "sts:assumerolewithwebidentity", Credentials, SignIn.trust},
	{"AccessDenied", "", Credentials, SignIn.mayNot},
	{"InvalidIdentityToken", "no openidconnect provider", Credentials, SignIn.provider},
	{"InvalidIdentityToken", "audience", Credentials, SignIn.audience},
	// STS sometimes cannot fetch GitHub's keys for some minutes.
	{"InvalidIdentityToken", "verification key", Unknown, nil},
	{"InvalidIdentityToken", "", Credentials, SignIn.provider},
	{"IDPCommunicationError", "", Unknown, nil},
	{"IDPRejectedClaim", "", Credentials, SignIn.provider},
	{"RegionDisabledException", "", Credentials, SignIn.region},
	{"ValidationError", "role chaining", Credentials, SignIn.chained},
	{"ValidationError", "maxsessionduration", Credentials, SignIn.duration},
	{"ValidationError", "durationseconds", Credentials, SignIn.duration},
	{"ValidationError", "", Credentials, SignIn.wrongARN},
	{"SignatureDoesNotMatch", "signature expired", Credentials, clock},
	{"SignatureDoesNotMatch", "not yet current", Credentials, clock},
}

// Refused returns the error of STS, or of the connection to it, with its class and hint.
func (s SignIn) Refused(err error) *SignInError {
	operation := "assume role " + s.ARN
	call, _ := errors.AsType[*CallError](Of(operation, err))
	out := &SignInError{Message: call.Error(), Class: Credentials, Err: call, Hint: s.source()}
	for _, line := range signInRefusals {
		if line.code == call.Code && strings.Contains(strings.ToLower(call.Message), line.says) {
			if out.Class, out.Hint = line.class, hintNoAnswer; line.hint != nil {
				out.Hint = line.hint(s)
			}
			return out
		}
	}
	switch class := ClassOf(call); {
	case call.Code == "ExpiredTokenException", s.OIDC && call.Code == "ExpiredToken":
		// The OIDC token has expired; the next one is new.
		out.Class, out.Hint = Unknown, hintNoAnswer
	case call.Code == "" && class == Unknown:
		out.Message = fmt.Sprintf("%s: no answer from STS: %s", operation, call.Message)
		out.Class, out.Hint = Unknown, hintNoAnswer
	case class == Throttle, class == Unknown:
		out.Class, out.Hint = class, hintNoAnswer
	}
	return out
}

// hintNoAnswer is the hint for transient failures.
const hintNoAnswer = "AWS did not let the step sign in for a minute: see https://health.aws.amazon.com, and " +
	"run the job again"

// issuer returns the OIDC provider's name in policies: github.com's, or the token's issuer.
func (s SignIn) issuer() string {
	return cmp.Or(strings.TrimPrefix(claimsOf(s.Token).Issuer, "https://"), "token.actions.githubusercontent.com")
}

// part returns the n-th part of the role's ARN: arn:aws:iam::111122223333:role/NAME.
func (s SignIn) part(n int) string {
	parts := strings.SplitN(s.ARN, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// name returns the role's name without its path.
func (s SignIn) name() string { return s.ARN[strings.LastIndex(s.ARN, "/")+1:] }

func (s SignIn) providerARN() string {
	return "arn:" + s.part(1) + ":iam::" + s.part(4) + ":oidc-provider/" + s.issuer()
}

func (s SignIn) trust() string {
	return hintTrustPolicy + fmt.Sprintf(`check role-to-assume, and let the role allow sts:AssumeRoleWithWebIdentity `+
		`to {"Federated": %q} under the condition {"StringEquals": {"%s:aud": %q, "%s:sub": %q}}`,
		s.providerARN(), s.issuer(), claimsOf(s.Token).Audience, s.issuer(), claimsOf(s.Token).Subject)
}

func (s SignIn) provider() string {
	return hintNoProvider + "aws iam create-open-id-connect-provider --url https://" + s.issuer() +
		" --client-id-list " + cmp.Or(claimsOf(s.Token).Audience, "sts.amazonaws.com")
}

func (s SignIn) audience() string {
	return hintAudience + "write audience: " + homeAudience(s.ARN) + ", or add it: " +
		"aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn " + s.providerARN() +
		" --client-id " + claimsOf(s.Token).Audience
}

// homeAudience returns the audience that providers of a partition usually have.
func homeAudience(arn string) string {
	if strings.HasPrefix(arn, "arn:aws-cn:") {
		return "sts.amazonaws.com.cn"
	}
	return "sts.amazonaws.com"
}

func (s SignIn) mayNot() string {
	hint := hintMayNotRole + "allow them sts:AssumeRole on " + s.ARN +
		", and name them as the Principal of sts:AssumeRole in its trust policy"
	if s.Chained {
		hint += "; where an earlier aws-actions/configure-aws-credentials has set them, remove that step, " +
			"and the role is assumed by OIDC"
	}
	return hint
}

func (s SignIn) duration() string {
	return hintDuration + fmt.Sprintf("write role-duration-seconds: 3600 (sessions are renewed), or: "+
		"aws iam update-role --role-name %s --max-session-duration %d", s.name(), int(s.Duration.Seconds()))
}

func (s SignIn) chained() string { return hintChained + "write role-duration-seconds: 3600" }

func (s SignIn) region() string {
	return hintSTSRegion + "activate it in IAM's account settings, or write aws-region: " + HomeRegion(s.ARN)
}

func (s SignIn) wrongARN() string {
	return hintRoleARN + "for example role-to-assume: arn:aws:iam::111122223333:role/github-runners"
}

func clock(SignIn) string { return hintClock }

// source returns the hint if STS refuses the keys with which the role is assumed.
func (s SignIn) source() string {
	switch {
	case s.OIDC:
		return ""
	case s.Chained:
		return hintNoSource + "they are a session that may have ended and is not renewed; remove AWS_ACCESS_KEY_ID, " +
			"AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN and give the job permissions: {id-token: write}"
	}
	return hintNoSource + "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or remove them " +
		"and give the job permissions: {id-token: write}"
}

package ec2

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// SignInError is a role that could not be assumed. No call was made with its credentials.
type SignInError struct {
	Message string
	Hint    string
	Class   Class // Credentials: it is refused; Throttle or Unknown: it may be had later
	Err     error // of STS; of a token that was not to be had nothing, since it is not EC2 that refused it
}

func (e *SignInError) Error() string { return e.Message }

func (e *SignInError) Unwrap() error { return e.Err }

func (e *SignInError) isTransient() bool { return e.Class == Throttle || e.Class == Unknown }

// signInError finds the failed sign-in in what the SDK makes of it.
func signInError(err error) (*SignInError, bool) { return errors.AsType[*SignInError](err) }

// IsSignIn reports whether an error is that of a role that could not be assumed.
func IsSignIn(err error) bool {
	_, ok := signInError(err)
	return ok
}

// tokenError is a sign-in that got no OIDC token. Whoever fetches it says what to do, by a *SignInError.
func tokenError(err error) *SignInError {
	if said, ok := signInError(err); ok {
		return said
	}
	return &SignInError{Message: err.Error(), Class: Unknown}
}

// Hints of a refused sign-in, as they begin. Each has an entry in docs/troubleshooting.md.
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

// signIn is a sign-in that STS has refused: what its hint is made of.
type signIn struct {
	arn     string
	role    Role
	claims  claims
	message string // of STS
}

// signInRefusals are what STS says of a role, as refusals are what EC2 says. The first line that fits holds.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
var signInRefusals = []struct {
	code  string
	says  string // what the message contains, in lower case
	class Class
	hint  func(signIn) string
}{
	// STS does not tell an unknown role from one whose trust policy says no.
	{"AccessDenied", "sts:assumerolewithwebidentity", Credentials, signIn.trust},
	{"AccessDenied", "", Credentials, signIn.mayNot},
	{"InvalidIdentityToken", "no openidconnect provider", Credentials, signIn.provider},
	{"InvalidIdentityToken", "audience", Credentials, signIn.audience},
	// STS could not fetch GitHub's keys: it says so for minutes, now and then.
	{"InvalidIdentityToken", "verification key", Unknown, nil},
	{"InvalidIdentityToken", "", Credentials, signIn.provider},
	{"IDPCommunicationError", "", Unknown, nil},
	{"IDPRejectedClaim", "", Credentials, signIn.provider},
	{"RegionDisabledException", "", Credentials, signIn.region},
	{"ValidationError", "role chaining", Credentials, signIn.chained},
	{"ValidationError", "maxsessionduration", Credentials, signIn.duration},
	{"ValidationError", "durationseconds", Credentials, signIn.duration},
	{"ValidationError", "", Credentials, signIn.wrongARN},
	{"SignatureDoesNotMatch", "signature expired", Credentials, clock},
	{"SignatureDoesNotMatch", "not yet current", Credentials, clock},
}

// explain returns what STS, or the way to it, has refused.
func (s *session) explain(arn string, of claims, err error) *SignInError {
	operation := "assume role " + arn
	call, _ := errors.AsType[*CallError](callError(operation, err))
	said := signIn{arn: arn, role: s.role, claims: of, message: strings.ToLower(call.Message)}
	out := &SignInError{Message: call.Error(), Class: Credentials, Err: call, Hint: said.source()}
	for _, line := range signInRefusals {
		if line.code == call.Code && strings.Contains(said.message, line.says) {
			if out.Class, out.Hint = line.class, hintNoAnswer; line.hint != nil {
				out.Hint = line.hint(said)
			}
			return out
		}
	}
	switch class := ClassOf(call); {
	case call.Code == "ExpiredTokenException", s.role.Token != nil && call.Code == "ExpiredToken":
		// The OIDC token has ended: the next one is new.
		out.Class, out.Hint = Unknown, hintNoAnswer
	case call.Code == "" && class == Unknown:
		out.Message = fmt.Sprintf("%s: no answer from STS: %s", operation, call.Message)
		out.Class, out.Hint = Unknown, hintNoAnswer
	case class == Throttle, class == Unknown:
		out.Class, out.Hint = class, hintNoAnswer
	}
	return out
}

// hintNoAnswer is for what may go through later.
const hintNoAnswer = "AWS did not let the step sign in for a minute: see https://health.aws.amazon.com, and run the " +
	"job again"

// issuer is the provider's name in policies: github.com's, or that of the token.
func (s signIn) issuer() string {
	return cmp.Or(strings.TrimPrefix(s.claims.Issuer, "https://"), "token.actions.githubusercontent.com")
}

// part is the n-th part of the role's ARN: arn:aws:iam::111122223333:role/NAME.
func (s signIn) part(n int) string {
	parts := strings.SplitN(s.arn, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// name is the role's, without its path.
func (s signIn) name() string { return s.arn[strings.LastIndex(s.arn, "/")+1:] }

func (s signIn) providerARN() string {
	return "arn:" + s.part(1) + ":iam::" + s.part(4) + ":oidc-provider/" + s.issuer()
}

func (s signIn) trust() string {
	return hintTrustPolicy + fmt.Sprintf(`check role-to-assume, and let the role allow sts:AssumeRoleWithWebIdentity `+
		`to {"Federated": %q} under the condition {"StringEquals": {"%s:aud": %q, "%s:sub": %q}}`,
		s.providerARN(), s.issuer(), s.claims.Audience, s.issuer(), s.claims.Subject)
}

func (s signIn) provider() string {
	return hintNoProvider + "aws iam create-open-id-connect-provider --url https://" + s.issuer() +
		" --client-id-list " +
		cmp.Or(s.claims.Audience, "sts.amazonaws.com")
}

func (s signIn) audience() string {
	return hintAudience + "write audience: " + homeAudience(s.arn) + ", or add it: " +
		"aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn " + s.providerARN() +
		" --client-id " + s.claims.Audience
}

// homeAudience is what the provider of a partition is usually made with.
func homeAudience(arn string) string {
	if strings.HasPrefix(arn, "arn:aws-cn:") {
		return "sts.amazonaws.com.cn"
	}
	return "sts.amazonaws.com"
}

func (s signIn) mayNot() string {
	hint := hintMayNotRole + "allow them sts:AssumeRole on " + s.arn +
		", and name them as the Principal of sts:AssumeRole in its trust policy"
	if s.role.Chained {
		hint += "; where an earlier aws-actions/configure-aws-credentials has set them, remove that step, " +
			"and the role is assumed by OIDC"
	}
	return hint
}

func (s signIn) duration() string {
	return hintDuration + fmt.Sprintf("write role-duration-seconds: 3600 (sessions are renewed), or: "+
		"aws iam update-role --role-name %s --max-session-duration %d", s.name(), int(s.role.Duration.Seconds()))
}

func (s signIn) chained() string { return hintChained + "write role-duration-seconds: 3600" }

func (s signIn) region() string {
	return hintSTSRegion + "activate it in IAM's account settings, or write aws-region: " + homeOf(s.arn)
}

func (s signIn) wrongARN() string {
	return hintRoleARN + "for example role-to-assume: arn:aws:iam::111122223333:role/github-runners"
}

func clock(signIn) string { return hintClock }

// source is for what STS says of the keys with which the role is assumed.
func (s signIn) source() string {
	switch {
	case s.role.Token != nil:
		return ""
	case s.role.Chained:
		return hintNoSource + "they are a session that may have ended and is not renewed; remove AWS_ACCESS_KEY_ID, " +
			"AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN and give the job permissions: {id-token: write}"
	}
	return hintNoSource + "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or remove them " +
		"and give the job permissions: {id-token: write}"
}

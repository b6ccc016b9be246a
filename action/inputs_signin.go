package action

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// signInInputs are the inputs with which the action signs in at AWS. Their names, defaults and meaning are those of
// https://github.com/aws-actions/configure-aws-credentials.
var signInInputs = []input{
	{
		name: "role-to-assume", modes: inAll, readme: true,
		description: `The IAM role (its ARN) that the action works in. It is assumed with the access keys in the
			environment, if there are any, else by OIDC, for which the job needs 'permissions: {id-token:
			write}'. Its session is renewed before it ends. Default: none; the credentials are taken from the
			environment as they are.`,
	},
	{
		name: "aws-region", modes: inAll, readme: true,
		description: `The AWS region. It takes precedence over AWS_REGION; 'region' takes precedence over both.`,
	},
	{
		name: "role-session-name", fallback: "GitHubActions", modes: inAll,
		description: `The name of the session of role-to-assume, as CloudTrail shows it.`,
	},
	{
		name: "role-duration-seconds", fallback: "3600", modes: inAll,
		description: `How long a session of role-to-assume lasts: 900 to 43200, and no longer than the role allows. It
			is renewed before it ends, so there is rarely a reason to change it.`,
	},
	{
		name: "audience", fallback: "sts.amazonaws.com", modes: inAll,
		description: `The audience of the OIDC token for role-to-assume. In China: sts.amazonaws.com.cn.`,
	},
}

// awsSignIn is how the action signs in at AWS. The zero value uses the SDK's default chain of credentials.
type awsSignIn struct {
	Region      string // from the input; the SDK reads the environment's
	Role        string // an ARN, or a name if OIDC is false
	SessionName string
	Duration    time.Duration
	OIDC        bool
	Chained     bool   // the keys are temporary ones themselves
	Audience    string // of the OIDC token
	// TokenURL and TokenBearer are the address and the credential with which this job requests OIDC tokens.
	TokenURL, TokenBearer string
}

// The forms that IAM and STS accept.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_RequestParameters
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
var (
	roleARNForm     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)
	roleNameForm    = regexp.MustCompile(`^[\w+=,.@/-]{1,64}$`)
	sessionNameForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

const (
	sampleRole                = "role-to-assume: arn:aws:iam::111122223333:role/github-runners"
	minSession, maxSession    = 900, 43200
	envTokenURL, envTokenAuth = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
	envKeyID, envSessionToken = "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"
)

// signInReader reads how to sign in at AWS and at GitHub.
type signInReader struct{ r *reader }

// awsSignIn reads the inputs and, from the environment, whether there are keys and whether the job may request tokens.
func (s signInReader) awsSignIn() awsSignIn {
	in := awsSignIn{
		Region: s.r.region("aws-region", s.r.text("aws-region")), Role: s.r.text("role-to-assume"),
		SessionName: s.r.text("role-session-name"), Duration: s.sessionDuration(), Audience: s.r.text("audience"),
		TokenURL: s.r.getenv(envTokenURL), TokenBearer: s.r.getenv(envTokenAuth),
	}
	if in.Role == "" {
		for _, known := range signInInputs {
			if known.name != "aws-region" && s.r.isSet(known) {
				s.r.warn("The '%s' input has no effect without 'role-to-assume'; remove it", known.name)
			}
		}
		return awsSignIn{Region: in.Region}
	}
	in.Chained = s.r.getenv(envKeyID) != "" && s.r.getenv(envSessionToken) != ""
	mayAsk := in.TokenURL != "" && in.TokenBearer != ""
	in.OIDC = s.r.getenv(envKeyID) == "" && (mayAsk || !s.namesSource())
	if in.OIDC && !mayAsk {
		s.r.refuse("The 'role-to-assume' input needs an OIDC token from GitHub, and this job may not request one.",
			diagnosis.HintIDToken+" (permissions that a job does not list are none: add contents: read for a "+
				"checkout; runs of pull requests from forks get no token), or set AWS_ACCESS_KEY_ID and "+
				"AWS_SECRET_ACCESS_KEY in the step's env")
	}
	s.checkRole(in)
	if !sessionNameForm.MatchString(in.SessionName) {
		s.r.refuse(fmt.Sprintf("The 'role-session-name' input is %q, which is not a valid session name: 2 to 64 "+
			"letters, digits and _+=,.@-", in.SessionName),
			"for example role-session-name: GitHubActions")
	}
	return in
}

// namesSource reports whether the environment names credentials of the SDK's chain other than keys. The instance
// metadata service does not count: every EC2 instance has it.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
func (s signInReader) namesSource() bool {
	for _, name := range []string{
		"AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		if s.r.getenv(name) != "" {
			return true
		}
	}
	return false
}

func (s signInReader) checkRole(in awsSignIn) {
	isARN := strings.HasPrefix(in.Role, "arn:")
	switch {
	case isARN && !roleARNForm.MatchString(in.Role), !isARN && !roleNameForm.MatchString(in.Role):
		s.r.refuse(fmt.Sprintf("The 'role-to-assume' input is %q, which is not the ARN of a role.", in.Role),
			"for example "+sampleRole)
	case !isARN && in.OIDC:
		s.r.refuse(fmt.Sprintf("The 'role-to-assume' input is %q, which is a name: OIDC "+
			"needs the role's ARN.", in.Role),
			"for example "+sampleRole)
	}
}

func (s signInReader) sessionDuration() time.Duration {
	value := s.r.text("role-duration-seconds")
	n, ok, exact := leadingNumber(value)
	if !ok || !exact || n < minSession || n > maxSession {
		s.r.refuse(fmt.Sprintf("The 'role-duration-seconds' input is %q, which is not a number of "+
			"seconds from %d to %d.", value, minSession, maxSession),
			"for example role-duration-seconds: 3600; the session is renewed before it ends")
		return time.Hour
	}
	return time.Duration(n) * time.Second
}

package ec2

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/cenkalti/backoff/v4"
)

// Role is an IAM role that a client assumes, and assumes again before its session ends. docs/adr/0021-sign-in-aws.md has
// the reasons.
type Role struct {
	// ARN names the role. The bare name is enough where Token is nil: the account is that of the credentials.
	ARN         string
	SessionName string
	Duration    time.Duration
	// Token fetches an OIDC token, a new one each time. nil: the role is assumed with the credentials of the client.
	Token func(context.Context) (string, error)
	// Chained reports that those credentials are a session themselves, which ends and is not renewed.
	Chained bool
	// Secret is given every secret the moment it is known, before anything is said.
	Secret func(value string)
	// SignedIn is told of each session, the first and those that follow.
	SignedIn func(Session)
	Log      *slog.Logger
}

// Session is one session of an assumed role.
type Session struct {
	Caller
	Until   time.Time // by the local clock
	OIDC    bool
	Renewed bool // it follows another one
}

// Assume returns a client that works in the role. It makes no call: the role is assumed by SignIn, or before the first call.
func (c *Client) Assume(role Role) *Client {
	s := &session{role: role, arn: role.ARN, api: sts.NewFromConfig(c.cfg, func(o *sts.Options) {
		if o.Region == "" {
			o.Region = homeOf(role.ARN)
		}
	})}
	cfg := c.cfg.Copy()
	cfg.Credentials = aws.NewCredentialsCache(s, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = s.window() })
	assumed := New(cfg)
	assumed.session = s
	return assumed
}

// homeOf is a region of the ARN's partition. The tokens of its endpoint hold in all regions.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
func homeOf(arn string) string {
	switch {
	case strings.HasPrefix(arn, "arn:aws-cn:"):
		return "cn-north-1"
	case strings.HasPrefix(arn, "arn:aws-us-gov:"):
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// SignIn assumes the role now, if there is one, so that a refusal is known before anything is made. It fails with a
// *SignInError, or as the context does.
func (c *Client) SignIn(ctx context.Context) error {
	if c.session == nil {
		return nil
	}
	_, err := c.cfg.Credentials.Retrieve(ctx)
	switch refused, ok := signInError(err); {
	case ok:
		return refused
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// Session returns the session that the client works in; false without a role, or before the first sign-in.
func (c *Client) Session() (Session, bool) {
	if c.session == nil {
		return Session{}, false
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.now, !c.session.now.Until.IsZero()
}

// session is the provider of a role's credentials, whose cache asks it one at a time.
type session struct {
	role Role
	api  *sts.Client

	mu      sync.Mutex
	arn     string       // of the role, once it is known
	now     Session      // the newest
	refused *SignInError // by STS, before there was any session
}

// window is how long before its end a session is renewed. Whatever keeps STS or GitHub from answering may last so long.
func (s *session) window() time.Duration { return s.role.Duration / 6 }

// How long a sign-in may take, and how long a renewal may keep a call waiting whose session is still good.
const (
	signInTimeout  = 60 * time.Second
	renewalTimeout = 15 * time.Second
)

// Retrieve implements aws.CredentialsProvider. Its context is that of the cache, which never ends.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	before, refused := s.now, s.refused
	s.mu.Unlock()
	if refused != nil { // asking again would be refused again
		return aws.Credentials{}, refused
	}
	patience := signInTimeout
	if time.Now().Before(before.Until) {
		patience = renewalTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var got aws.Credentials
	err := repeat(ctx, 500*time.Millisecond, 5*time.Second, patience, func() error {
		credentials, err := s.assume(ctx, !before.Until.IsZero())
		if err != nil && !err.isTransient() {
			return backoff.Permanent(err)
		}
		if err != nil {
			s.role.Log.Debug(err.Error())
			return err
		}
		got = credentials
		return nil
	})
	if final, ok := signInError(err); ok && before.Until.IsZero() && !final.isTransient() {
		s.mu.Lock()
		s.refused = final
		s.mu.Unlock()
	}
	return got, err
}

// HandleFailToRefresh implements aws.HandleFailRefreshCredentialsCacheStrategy: a session is good until it ends, whether or
// not the next one can be had yet.
func (s *session) HandleFailToRefresh(_ context.Context, previous aws.Credentials, err error) (aws.Credentials, error) {
	const again, tooShort = time.Minute, 10 * time.Second
	s.mu.Lock()
	until := s.now.Until
	s.mu.Unlock()
	left := time.Until(until)
	if !previous.HasKeys() || left < tooShort {
		return aws.Credentials{}, err
	}
	s.role.Log.Warn("the AWS session could not be renewed yet: " + err.Error() + "; it is good until " + clockTime(until))
	// The cache subtracts the window once more.
	previous.Expires = time.Now().Add(min(again, left-tooShort/2) + s.window())
	return previous, nil
}

func clockTime(at time.Time) string { return at.UTC().Format("15:04:05 MST") }

// assume asks STS once for a session, and makes it the newest.
func (s *session) assume(ctx context.Context, renewal bool) (aws.Credentials, *SignInError) {
	arn, refused := s.roleARN(ctx)
	if refused != nil {
		return aws.Credentials{}, refused
	}
	calls := &stsCalls{api: s.api}
	var credentials aws.Credentials
	var err error
	var claims claims
	if s.role.Token == nil {
		credentials, err = stscreds.NewAssumeRoleProvider(calls, arn, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.Duration = s.role.SessionName, s.role.Duration
		}).Retrieve(ctx)
	} else {
		token, failed := s.role.Token(ctx)
		if failed != nil {
			return aws.Credentials{}, tokenError(failed)
		}
		s.role.Secret(token)
		claims = claimsOf(token)
		credentials, err = stscreds.NewWebIdentityRoleProvider(calls, arn, identityToken(token), func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName, o.Duration = s.role.SessionName, s.role.Duration
		}).Retrieve(ctx)
	}
	if err != nil {
		return aws.Credentials{}, s.explain(arn, claims, cmp.Or(calls.err, err))
	}
	s.role.Secret(credentials.SecretAccessKey)
	s.role.Secret(credentials.SessionToken)
	now := Session{Caller: Caller{Account: credentials.AccountID, ARN: calls.arn}, Until: credentials.Expires, OIDC: s.role.Token != nil, Renewed: renewal}
	s.mu.Lock()
	s.now = now
	s.mu.Unlock()
	s.role.SignedIn(now)
	return credentials, nil
}

// roleARN completes a bare name with the account and the partition of the credentials.
func (s *session) roleARN(ctx context.Context) (string, *SignInError) {
	s.mu.Lock()
	arn := s.arn
	s.mu.Unlock()
	if strings.HasPrefix(arn, "arn:") {
		return arn, nil
	}
	out, err := s.api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", s.explain(arn, claims{}, err)
	}
	_, rest, _ := strings.Cut(aws.ToString(out.Arn), ":")
	partition, _, _ := strings.Cut(rest, ":")
	arn = "arn:" + partition + ":iam::" + aws.ToString(out.Account) + ":role/" + strings.TrimPrefix(arn, "/")
	s.mu.Lock()
	s.arn = arn
	s.mu.Unlock()
	return arn, nil
}

// identityToken is a token that is at hand already.
type identityToken string

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (t identityToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// onceOnly leaves repeating to the session, which takes a new token each time: the provider would repeat a refused one.
func onceOnly(o *sts.Options) { o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 1) }

package ec2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// Role is an IAM role that a client assumes, and assumes again before its session ends (docs/adr/0021-sign-in-aws.md).
type Role struct {
	// ARN identifies the role. If Token is nil, the name is enough: the account is that of the credentials.
	ARN         string
	SessionName string
	Duration    time.Duration
	// Token returns a new OIDC token each time. If it is nil, the role is assumed with the client's credentials.
	Token func(context.Context) (string, error)
	// Chained means that those credentials are temporary themselves, and not renewed.
	Chained bool
	// Secret is called with every secret before anything is logged.
	Secret func(value string)
	// SignedIn is called with each session.
	SignedIn func(Session)
	Log      *slog.Logger
}

// Session is a session of an assumed role.
type Session struct {
	Caller
	Until   time.Time // by the local clock
	OIDC    bool
	Renewed bool // not the first session
}

// Assume returns a client that works in the role. It makes no call: the role is assumed by SignIn, or before the first
// call.
func (c *Client) Assume(role Role) *Client {
	s := &session{role: role, arn: role.ARN, api: sts.NewFromConfig(c.cfg, func(o *sts.Options) {
		if o.Region == "" {
			o.Region = refusal.HomeRegion(role.ARN)
		}
	})}
	cfg := c.cfg.Copy()
	cfg.Credentials = aws.NewCredentialsCache(s, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = s.window() })
	assumed := New(cfg)
	assumed.session = s
	return assumed
}

// SignIn assumes the role, if there is one, so that a refusal is known before anything is created. The error is a
// *SignInError or the context's.
func (c *Client) SignIn(ctx context.Context) error {
	if c.session == nil {
		return nil
	}
	_, err := c.cfg.Credentials.Retrieve(ctx)
	switch refused, ok := errors.AsType[*refusal.SignInError](err); {
	case ok:
		return refused
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// Session returns the client's session; false without a role, or before the first sign-in.
func (c *Client) Session() (Session, bool) {
	if c.session == nil {
		return Session{}, false
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.now, !c.session.now.Until.IsZero()
}

// session provides a role's credentials. The SDK's cache calls it once at a time.
type session struct {
	role Role
	api  *sts.Client

	mu       sync.Mutex
	arn      string               // of the role, once known
	now      Session              // the newest session
	keys     aws.Credentials      // of the newest session
	refused  *refusal.SignInError // STS's refusal, if there was no session before
	renewing bool
	notUntil time.Time // when the next renewal may begin
}

// window is how long before its end a session is renewed: STS or GitHub may be unavailable for so long.
func (s *session) window() time.Duration { return s.role.Duration / 6 }

const (
	// signInTimeout limits a sign-in and a renewal.
	signInTimeout = 60 * time.Second
	// tooShort is the remaining time below which a session is not used any more: calls wait for the next one.
	tooShort = 10 * time.Second
	// renewalPause is the time between a failed renewal and the next.
	renewalPause = 30 * time.Second
	// renewalLook is how long the cache uses the session that is being renewed before it asks again.
	renewalLook = 5 * time.Second
)

// Retrieve implements aws.CredentialsProvider. Its context is the cache's, which never ends. While a session is valid
// no call waits for the next one: a roll-back has only seven seconds.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	keys, until, refused := s.keys, s.now.Until, s.refused
	s.mu.Unlock()
	left := time.Until(until)
	switch {
	case refused != nil: // it would be refused again
		return aws.Credentials{}, refused
	case left > s.window(): // it has been renewed
		return keys, nil
	case left > tooShort:
		s.renew(ctx)
		// The cache subtracts the window from Expires.
		keys.Expires = time.Now().Add(min(renewalLook, left-tooShort/2) + s.window())
		return keys, nil
	}
	return s.signIn(ctx)
}

// renew starts to renew the session, unless a renewal is in progress or has just failed.
func (s *session) renew(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewing || time.Now().Before(s.notUntil) {
		return
	}
	s.renewing = true
	go func() {
		_, err := s.signIn(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.renewing, s.notUntil = false, time.Now().Add(renewalPause)
		if err != nil {
			s.role.Log.Warn(fmt.Sprintf("the AWS session is not renewed yet: %s; it is good until %s",
				err, s.now.Until.UTC().Format("15:04:05 MST")))
		}
	}()
}

// signIn assumes the role, and retries while the failure is transient.
func (s *session) signIn(ctx context.Context) (got aws.Credentials, err error) {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	var last *refusal.SignInError
	err = repeat(ctx, 500*time.Millisecond, 5*time.Second, signInTimeout, func() error {
		keys, err := s.assume(ctx)
		if err != nil && !err.IsTransient() {
			return backoff.Permanent(err)
		}
		if err != nil {
			s.role.Log.Debug(err.Error())
			if last == nil || ctx.Err() == nil { // an error by the context's end is less useful
				last = err
			}
			return last
		}
		got = keys
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if final, ok := errors.AsType[*refusal.SignInError](err); ok && s.now.Until.IsZero() && !final.IsTransient() {
		s.refused = final
	}
	return got, err
}

// assume requests a session from STS once, and makes it the newest.
func (s *session) assume(ctx context.Context) (aws.Credentials, *refusal.SignInError) {
	arn, refused := s.roleARN(ctx)
	if refused != nil {
		return aws.Credentials{}, refused
	}
	calls := &stsCalls{api: s.api}
	var keys aws.Credentials
	var err error
	role := s.as(arn)
	if s.role.Token == nil {
		keys, err = stscreds.NewAssumeRoleProvider(calls, arn, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.Duration = s.role.SessionName, s.role.Duration
		}).Retrieve(ctx)
	} else {
		token, failed := s.role.Token(ctx)
		if failed != nil {
			return aws.Credentials{}, refusal.OfToken(failed)
		}
		s.role.Secret(token)
		role.Token = token
		options := func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName, o.Duration = s.role.SessionName, s.role.Duration
		}
		keys, err = stscreds.NewWebIdentityRoleProvider(calls, arn, identityToken(token), options).Retrieve(ctx)
	}
	if err != nil {
		return aws.Credentials{}, role.Refused(cmp.Or(calls.err, err))
	}
	s.role.Secret(keys.SecretAccessKey)
	s.role.Secret(keys.SessionToken)
	now := Session{Caller: Caller{Account: keys.AccountID, ARN: calls.arn}, Until: keys.Expires,
		OIDC: s.role.Token != nil}
	s.mu.Lock()
	now.Renewed = !s.now.Until.IsZero()
	s.now, s.keys = now, keys
	s.mu.Unlock()
	s.role.SignedIn(now)
	return keys, nil
}

// as returns the role for error messages.
func (s *session) as(arn string) refusal.SignIn {
	return refusal.SignIn{ARN: arn, Duration: s.role.Duration, OIDC: s.role.Token != nil, Chained: s.role.Chained}
}

// roleARN returns the role's ARN. It completes a bare name with the account and partition of the credentials.
func (s *session) roleARN(ctx context.Context) (string, *refusal.SignInError) {
	s.mu.Lock()
	arn := s.arn
	s.mu.Unlock()
	if strings.HasPrefix(arn, "arn:") {
		return arn, nil
	}
	out, err := s.api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", s.as(arn).Refused(err)
	}
	_, rest, _ := strings.Cut(aws.ToString(out.Arn), ":")
	partition, _, _ := strings.Cut(rest, ":")
	arn = "arn:" + partition + ":iam::" + aws.ToString(out.Account) + ":role/" + strings.TrimPrefix(arn, "/")
	s.mu.Lock()
	s.arn = arn
	s.mu.Unlock()
	return arn, nil
}

// identityToken is a token that was fetched already.
type identityToken string

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (t identityToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// onceOnly disables retries: the session retries with a new token, while the SDK's provider would repeat a refused one.
func onceOnly(o *sts.Options) { o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 1) }

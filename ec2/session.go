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

// Role is an IAM role that a client assumes, and assumes again before its session ends. docs/adr/0021-sign-in-aws.md
// has the reasons.
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

// SignIn assumes the role now, if there is one, so that a refusal is known before anything is made. It fails with a
// *SignInError, or as the context does.
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

	mu       sync.Mutex
	arn      string               // of the role, once it is known
	now      Session              // the newest
	keys     aws.Credentials      // of the newest
	refused  *refusal.SignInError // by STS, before there was any session
	renewing bool
	notUntil time.Time // when the next renewal may begin
}

// window is how long before its end a session is renewed. Whatever keeps STS or GitHub from answering may last so long.
func (s *session) window() time.Duration { return s.role.Duration / 6 }

const (
	// signInTimeout is how long a sign-in may take, and a renewal.
	signInTimeout = 60 * time.Second
	// tooShort is what is left of a session that is not used any more: a call waits for the next one.
	tooShort = 10 * time.Second
	// renewalPause lies between a renewal that failed and the next.
	renewalPause = 30 * time.Second
	// renewalLook is how long the cache goes on with the session that is being renewed.
	renewalLook = 5 * time.Second
)

// Retrieve implements aws.CredentialsProvider. Its context is that of the cache, which never ends. While a session is
// good no call waits for the next one: a roll-back has seven seconds.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	keys, until, refused := s.keys, s.now.Until, s.refused
	s.mu.Unlock()
	left := time.Until(until)
	switch {
	case refused != nil: // asking again would be refused again
		return aws.Credentials{}, refused
	case left > s.window(): // it was renewed meanwhile
		return keys, nil
	case left > tooShort:
		s.renew(ctx)
		// the window is subtracted from it
		keys.Expires = time.Now().Add(min(renewalLook, left-tooShort/2) + s.window())
		return keys, nil
	}
	return s.signIn(ctx)
}

// renew begins to renew the session, unless that is under way, or has failed just now.
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

// signIn assumes the role, again and again while that may still go through.
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
			if last == nil || ctx.Err() == nil { // what the end cuts off says less than the answer before
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

// assume asks STS once for a session, and makes it the newest.
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

// as is the role as messages need it.
func (s *session) as(arn string) refusal.SignIn {
	return refusal.SignIn{ARN: arn, Duration: s.role.Duration, OIDC: s.role.Token != nil, Chained: s.role.Chained}
}

// roleARN completes a bare name with the account and the partition of the credentials.
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

// identityToken is a token that is at hand already.
type identityToken string

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (t identityToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// onceOnly leaves repeating to the session, which takes a new token each time: the provider would repeat a refused one.
func onceOnly(o *sts.Options) { o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 1) }

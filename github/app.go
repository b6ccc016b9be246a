package github

import (
	"context"
	"crypto/rsa"
	"fmt"
	"regexp"
	"sync"
	"time"
)

// appIDForm matches client ids, such as Iv23liABCdef or Iv1.0123456789abcdef, and App ids.
var appIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// AppOptions describe which App signs in, where, and what it needs to do.
type AppOptions struct {
	ID         string // the client id, or the App's id
	Key        *rsa.PrivateKey
	Scope      Scope
	Repository string // of the workflow, owner/repo: Runs are its runs
	ReadOnly   bool   // the client does not change the scope's runners
	Rerun      bool   // the client may run workflow runs again, which needs `actions: write`
	Runs       bool   // the client reads workflow runs, if the installation has `actions: read`
	// Secret is called with each token before it is used, if it is not nil.
	Secret func(string)
	// SignedIn is called after the first sign-in and each renewal, if it is not nil.
	SignedIn func(who Identity, renewed bool)
}

// HasValidID reports whether ID can be an App's client id or App id.
func (o AppOptions) HasValidID() bool { return appIDForm.MatchString(o.ID) }

// App is the session of a GitHub App. It signs in when the first call needs it, and renews its token before it expires.
// All clients of a process share it, so that a roll-back with its own connections need not sign in again. It is safe
// for concurrent use.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
type App struct {
	AppOptions

	// turn is held during a sign-in. It is a channel rather than a mutex so that waiting for it ends with the context.
	turn chan struct{}
	// ahead is how far GitHub's clock is ahead of the local one; installation is where the App is installed. Both are
	// guarded by turn.
	ahead        time.Duration
	installation *Installation

	mu      sync.Mutex
	current grant
	// tryAgain is when a failed renewal may be retried, while the token is still valid.
	tryAgain time.Time
	known    Installation // the installation, for Identity
}

// NewApp returns a session. It makes no call.
func NewApp(options AppOptions) *App {
	if options.Secret == nil {
		options.Secret = func(string) {}
	}
	if options.SignedIn == nil {
		options.SignedIn = func(Identity, bool) {}
	}
	return &App{AppOptions: options, turn: make(chan struct{}, 1)}
}

// grant is an installation token. Its times are by the local clock.
type grant struct {
	token               string
	made, renewAt, ends time.Time
	permissions         map[string]string
}

func (g grant) isValid() bool { return g.token != "" && time.Now().Before(g.ends) }

// replicationDelay is how long GitHub may refuse a token that it has just issued: with 401 until all servers know the
// token, and with 403 until they know its permissions, if it has fewer than the installation. Five seconds have been
// observed to be too short. https://github.com/octokit/auth-app.js/issues/65,
// https://github.com/octokit/auth-app.js/issues/589
const replicationDelay = 10 * time.Second

func (g grant) isNew() bool { return time.Since(g.made) < replicationDelay }

// renewAgain is the time between a failed renewal and the next, while the token is still valid.
const renewAgain = time.Minute

// grant returns a valid token, and signs in or renews the token if necessary. A failed renewal is not an error while
// the old token is valid.
func (a *App) grant(ctx context.Context, c *Client) (grant, error) {
	current, due := a.snapshot()
	if !due {
		return current, nil
	}
	if current.isValid() {
		select {
		case a.turn <- struct{}{}:
		default: // another goroutine is renewing it
			return current, nil
		}
	} else if err := a.wait(ctx); err != nil {
		return grant{}, err
	}
	defer func() { <-a.turn }()
	if current, due = a.snapshot(); !due { // another goroutine has renewed it
		return current, nil
	}
	next, err := a.signIn(ctx, c)
	if err == nil {
		renewed := !a.isFirst()
		a.keep(next)
		a.SignedIn(a.identity(), renewed)
		return next, nil
	}
	if !current.isValid() {
		return grant{}, err
	}
	a.mu.Lock()
	first := a.tryAgain.IsZero()
	a.tryAgain = time.Now().Add(renewAgain)
	a.mu.Unlock()
	if first && ctx.Err() == nil {
		c.log.Warn(fmt.Sprintf("the GitHub App's token cannot be renewed; it works until %s, and the renewal "+
			"is tried again: %v", clock(current.ends), err))
	}
	return current, nil
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly + " MST") }

// wait acquires turn.
func (a *App) wait(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// snapshot returns the current token, and whether a new one is due.
func (a *App) snapshot() (current grant, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	due = !a.current.isValid() || (now.After(a.current.renewAt) && now.After(a.tryAgain))
	return a.current, due
}

func (a *App) keep(next grant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current, a.tryAgain, a.known = next, time.Time{}, *a.installation
}

// renew returns a token other than refused, which GitHub does not accept.
func (a *App) renew(ctx context.Context, c *Client, refused string) (grant, error) {
	a.mu.Lock()
	if a.current.token == refused {
		a.current = grant{}
	}
	a.mu.Unlock()
	return a.grant(ctx, c)
}

// do makes a call with the current token, and repeats it with a new one if GitHub no longer accepts it. A call with a
// new token is repeated for a while, until all of GitHub knows the token.
func (a *App) do(ctx context.Context, c *Client, call func(token string) error) error {
	g, err := a.grant(ctx, c)
	if err != nil {
		return err
	}
	err = call(g.token)
	if ClassOf(err) == Unauthorized && !g.isNew() {
		c.log.Info("GitHub does not accept the App's installation token any more, asking for a new one")
		if g, err = a.renew(ctx, c, g.token); err != nil {
			return err
		}
		err = call(g.token)
	}
	for pause := 500 * time.Millisecond; g.isNew() && isNotReplicated(err) && sleep(ctx, pause); pause *= 2 {
		err = call(g.token)
	}
	return a.explain(err)
}

// isNotReplicated reports whether an error may come from a server that does not know a new token, or its permissions,
// yet.
func isNotReplicated(err error) bool {
	call, ok := err.(*CallError) //nolint:errorlint // made by exchange, not wrapped
	return ok && (call.Class == Unauthorized || call.Class == Forbidden && call.Refusal == integrationOnly)
}

// sleep waits for d, and reports whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

package github

import (
	"context"
	"crypto/rsa"
	"fmt"
	"regexp"
	"sync"
	"time"
)

// appIDForm is the form of a client id, such as Iv23liABCdef or Iv1.0123456789abcdef, and of an App id.
var appIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// AppOptions say which App signs in, where, and what for.
type AppOptions struct {
	ID         string // the client id, or the App's id
	Key        *rsa.PrivateKey
	Scope      Scope
	Repository string // of the workflow, owner/repo: Runs are its runs
	ReadOnly   bool   // the scope's runners are not changed
	Rerun      bool   // runs are to be run again, for which the installation needs `actions: write`
	Runs       bool   // whether a workflow run is over is asked for, where the installation has `actions: read`
	// Secret is called with each token before it is used; nil: nobody is told.
	Secret func(string)
	// SignedIn is called with who was signed in, and again at each renewal; nil: nobody is told.
	SignedIn func(who Identity, renewed bool)
}

// HasValidID reports whether ID can be an App's client id or App id.
func (o AppOptions) HasValidID() bool { return appIDForm.MatchString(o.ID) }

// App is the session of a GitHub App: it signs in when the first call needs it, and renews its token before that ends.
// All clients of a process share one, so that a roll-back with connections of its own signs in no second time. It is
// safe for concurrent use.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
type App struct {
	AppOptions

	// turn is held by the one who signs in. It is a channel and no mutex, since a wait for it ends with its context.
	turn chan struct{}
	// Guarded by turn: how far GitHub's clock is ahead of this one, and where the App is installed.
	ahead        time.Duration
	installation *Installation

	mu      sync.Mutex
	current grant
	// tryAgain is when a renewal that failed may be tried again; the token still works.
	tryAgain time.Time
	known    Installation // what is known of the installation, for those who ask who is signed in
}

// NewApp returns a session that has made no call yet.
func NewApp(options AppOptions) *App {
	if options.Secret == nil {
		options.Secret = func(string) {}
	}
	if options.SignedIn == nil {
		options.SignedIn = func(Identity, bool) {}
	}
	return &App{AppOptions: options, turn: make(chan struct{}, 1)}
}

// grant is an installation token. Its times are this clock's, whatever that shows.
type grant struct {
	token               string
	made, renewAt, ends time.Time
	permissions         map[string]string
}

func (g grant) isValid() bool { return g.token != "" && time.Now().Before(g.ends) }

// replicationDelay is how long GitHub may refuse a token that it has just handed out: 401 until all its servers know
// the token, 403 until they know its permissions, for tokens with fewer than the installation's. Five seconds were seen
// not to be enough.
// https://github.com/octokit/auth-app.js/issues/65, https://github.com/octokit/auth-app.js/issues/589
const replicationDelay = 10 * time.Second

func (g grant) isNew() bool { return time.Since(g.made) < replicationDelay }

// renewAgain is how long after a renewal that failed, while the token still works, the next is tried.
const renewAgain = time.Minute

// grant returns a token that works, and signs in or renews it if need be. A renewal that fails is no error as long as
// the old token works.
func (a *App) grant(ctx context.Context, c *Client) (grant, error) {
	current, due := a.snapshot()
	if !due {
		return current, nil
	}
	if current.isValid() {
		select {
		case a.turn <- struct{}{}:
		default: // somebody renews it already
			return current, nil
		}
	} else if err := a.wait(ctx); err != nil {
		return grant{}, err
	}
	defer func() { <-a.turn }()
	if current, due = a.snapshot(); !due { // somebody was faster
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

// wait takes the turn.
func (a *App) wait(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// snapshot returns the current token, and whether it is time for a new one.
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

// renew returns a token other than the one that GitHub has refused.
func (a *App) renew(ctx context.Context, c *Client, refused string) (grant, error) {
	a.mu.Lock()
	if a.current.token == refused {
		a.current = grant{}
	}
	a.mu.Unlock()
	return a.grant(ctx, c)
}

// do makes a call with the current token, and once more with a new one where GitHub does not know that one any more. A
// token that was handed out just now is given time to reach all of GitHub.
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

// isNotReplicated reports whether an answer may be that of a server which does not know a new token, or its
// permissions, yet.
func isNotReplicated(err error) bool {
	call, ok := err.(*CallError) //nolint:errorlint // made by exchange, not wrapped
	return ok && (call.Class == Unauthorized || call.Class == Forbidden && call.Refusal == integrationOnly)
}

// sleep reports whether it came to its end.
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

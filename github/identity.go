package github

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Identity describes who is signed in at GitHub, as far as it is known.
type Identity struct {
	Kind         string // as in "a fine-grained personal access token", "GitHub App runner-app"
	Installation *Installation
	Permissions  map[string]string // of the installation token
	Until        time.Time         // when the token expires; zero if it is not known
	app          bool
}

// IsApp reports whether it is a GitHub App, whose token is renewed.
func (i Identity) IsApp() bool { return i.app }

// String returns a description on one line.
func (i Identity) String() string {
	text := i.Kind
	if i.Installation != nil {
		app := i.Installation
		text += fmt.Sprintf(" (App id %d, installation %d on %s)", app.AppID, app.ID, app.Account)
	}
	switch {
	case i.Until.IsZero():
	case i.app:
		text += ", until " + clock(i.Until) + ", renewed before that"
	default:
		text += ", until " + i.Until.UTC().Format(time.DateTime+" MST")
	}
	return text
}

// PermissionList returns the token's permissions on one line, as in "administration: write, metadata: read".
func (i Identity) PermissionList() string {
	list := make([]string, 0, len(i.Permissions))
	for _, name := range slices.Sorted(maps.Keys(i.Permissions)) {
		list = append(list, name+": "+i.Permissions[name])
	}
	return strings.Join(list, ", ")
}

// SignIn makes an App's first two calls, with retries, so that a failing sign-in is known before anything is created.
// With a token it does nothing.
func (c *Client) SignIn(ctx context.Context) error {
	if c.app == nil {
		return nil
	}
	return retry(ctx, c.log, func() error {
		_, err := c.app.grant(ctx, c)
		return err
	})
}

// SignedIn returns the client's identity. It makes no call: before an App's sign-in only its id is known.
func (c *Client) SignedIn() Identity {
	if c.app == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return Identity{Kind: tokenKind(c.token), Until: c.tokenEnds}
	}
	return c.app.identity()
}

func (a *App) identity() Identity {
	a.mu.Lock()
	defer a.mu.Unlock()
	identity := Identity{
		Kind: "GitHub App " + a.ID, Until: a.current.ends, Permissions: maps.Clone(a.current.permissions), app: true,
	}
	if known := a.known; known.ID != 0 {
		identity.Kind, identity.Installation = "GitHub App "+known.App, &known
	}
	return identity
}

// AccessToken returns a valid token, for clients of other GitHub services. It is a secret.
func (c *Client) AccessToken(ctx context.Context) (string, error) {
	if c.app == nil {
		return c.token, nil
	}
	g, err := c.app.grant(ctx, c)
	return g.token, err
}

package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Installation is where an App is installed, and what it may do there.
type Installation struct {
	ID          int64
	App         string // its slug, as in runner-app
	AppID       int64
	Account     string // that it is installed on
	URL         string // of its settings
	Permissions map[string]string
	SuspendedBy string // who suspended it; "" if it is not suspended
}

// The permissions by their names in GitHub's API.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
const (
	permAdministration = "administration"
	permOrganization   = "organization_self_hosted_runners"
	permActions        = "actions"

	levelRead  = "read"
	levelWrite = "write"
)

// signIn requests an installation token, and looks up the installation first unless it is known. The caller holds turn.
func (a *App) signIn(ctx context.Context, c *Client) (grant, error) {
	known := a.installation != nil
	if !known {
		found, err := a.find(ctx, c)
		if err != nil {
			return grant{}, err
		}
		a.installation = &found
	}
	g, err := a.createToken(ctx, c)
	if call, ok := errors.AsType[*CallError](err); ok {
		switch call.Class {
		case NotFound, Forbidden, Invalid:
			// The next attempt looks it up again: it may have been reinstalled, or have got other permissions.
			a.installation = nil
		}
		if known && (call.Class == NotFound || call.Class == Invalid) {
			return a.signIn(ctx, c)
		}
	}
	return g, err
}

// installationPath returns the API path of the App's installation.
func (a *App) installationPath() string { return a.Scope.apiPath() + "/installation" }

// find returns the installation.
// https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
func (a *App) find(ctx context.Context, c *Client) (Installation, error) {
	var answer struct {
		ID      int64  `json:"id"`
		AppID   int64  `json:"app_id"`
		AppSlug string `json:"app_slug"`
		HTMLURL string `json:"html_url"`
		Account struct {
			Login string `json:"login"` // of a user or an organization
			Slug  string `json:"slug"`  // of an enterprise
		} `json:"account"`
		Permissions map[string]string `json:"permissions"`
		SuspendedBy *struct {
			Login string `json:"login"`
		} `json:"suspended_by"`
	}
	operation := "find the App's installation for " + a.Scope.String()
	if _, err := a.call(ctx, c, operation, http.MethodGet, a.installationPath(), nil, &answer); err != nil {
		return Installation{}, a.refused(ctx, c, err)
	}
	found := Installation{
		ID: answer.ID, App: answer.AppSlug, AppID: answer.AppID, Account: answer.Account.Login + answer.Account.Slug,
		URL: answer.HTMLURL, Permissions: answer.Permissions,
	}
	if answer.SuspendedBy != nil {
		found.SuspendedBy = answer.SuspendedBy.Login
	}
	return found, nil
}

// tokenRequest is the request for an installation token. GitHub gives no permissions but those requested, and refuses
// the request if one of them is not granted.
type tokenRequest struct {
	Repositories []string          `json:"repositories,omitempty"`
	Permissions  map[string]string `json:"permissions,omitempty"`
}

// request returns the least permissions that the work needs of this installation.
//
// An enterprise's installation cannot be limited: "Enterprise account installations do not have access to repositories
// and cannot be scoped down using the `permissions` parameter" (GitHub's OpenAPI description of the call).
func (a *App) request() tokenRequest {
	if a.Scope.IsEnterprise() {
		return tokenRequest{}
	}
	level, manage := levelWrite, permAdministration
	if a.ReadOnly {
		level = levelRead
	}
	if a.Scope.IsOrganization() {
		manage = permOrganization
	}
	request := tokenRequest{Permissions: map[string]string{manage: level}}
	if a.mayReadRuns() {
		request.Permissions[permActions] = levelRead
		if a.Rerun && a.installation.Permissions[permActions] == levelWrite {
			request.Permissions[permActions] = levelWrite
		}
	}
	// Permissions on repositories have no effect in a token for an organization without any.
	if owner, name, _ := strings.Cut(a.Repository, "/"); a.Scope.IsRepository() || a.mayReadRuns() {
		if a.Scope.IsRepository() {
			_, name, _ = strings.Cut(a.Scope.String(), "/")
		} else if !strings.EqualFold(owner, a.Scope.String()) {
			delete(request.Permissions, permActions)
			return request
		}
		request.Repositories = []string{name}
	}
	return request
}

// mayReadRuns reports whether runs are to be read and the installation allows it.
func (a *App) mayReadRuns() bool { return a.Runs && a.installation.Permissions[permActions] != "" }

// createToken requests an installation token.
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (a *App) createToken(ctx context.Context, c *Client) (grant, error) {
	var answer struct {
		Token       string            `json:"token"`
		ExpiresAt   time.Time         `json:"expires_at"`
		Permissions map[string]string `json:"permissions"`
	}
	request := a.request()
	path := fmt.Sprintf("app/installations/%d/access_tokens", a.installation.ID)
	header, err := a.call(ctx, c, "create installation token", http.MethodPost, path, request, &answer)
	if err != nil {
		return grant{}, a.refused(ctx, c, err)
	}
	a.Secret(answer.Token)
	if a.Runs && request.Permissions[permActions] == "" && !a.Scope.IsEnterprise() && a.isFirst() {
		c.log.Info("the GitHub App's installation does not have 'actions: read' on the repository, so the token is " +
			"requested without it: whether runs are finished cannot be seen")
	}
	now := time.Now()
	lifetime := answer.ExpiresAt.Sub(now)
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		lifetime = answer.ExpiresAt.Sub(date)
	}
	return grant{
		token: answer.Token, permissions: answer.Permissions,
		made: now, renewAt: now.Add(lifetime * 5 / 6), ends: now.Add(lifetime),
	}, nil
}

// isFirst reports whether the App has not signed in yet, so that messages about the installation are logged once.
func (a *App) isFirst() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known.ID == 0
}

// call makes a call as the App itself. If GitHub refuses the times in the JSON web token, the call is repeated with the
// time in the Date header of that response.
func (a *App) call(
	ctx context.Context, c *Client, operation, method, path string, body, into any,
) (http.Header, error) {
	token, err := a.webToken()
	if err != nil {
		return nil, err
	}
	header, err := c.exchange(ctx, operation, method, path, body, into, token)
	if !isClockRefused(err) {
		return header, err
	}
	date, unreadable := http.ParseTime(header.Get("Date"))
	if unreadable != nil {
		return header, err
	}
	a.ahead = time.Until(date)
	c.log.Warn(fmt.Sprintf("the clock here is %s GitHub's; signing in by GitHub's time", offset(a.ahead)))
	if token, err = a.webToken(); err != nil {
		return nil, err
	}
	return c.exchange(ctx, operation, method, path, body, into, token)
}

// offset describes the difference of the local clock to one that is ahead by d, rounded to ten seconds.
func offset(d time.Duration) string {
	about := d.Abs().Round(10 * time.Second).String()
	if d > 0 {
		return about + " behind"
	}
	return about + " ahead of"
}

// isClockRefused reports whether GitHub refused a JSON web token because of its times.
// https://github.com/octokit/auth-app.js/issues/146
func isClockRefused(err error) bool {
	call, ok := err.(*CallError) //nolint:errorlint // made by exchange, not wrapped
	return ok && call.Status == http.StatusUnauthorized &&
		(strings.Contains(call.Message, "('exp')") || strings.Contains(call.Message, "('iat')"))
}

// The times of a JSON web token. GitHub accepts at most ten minutes from its own time, and no issue time in its future.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const (
	issuedBefore = time.Minute
	webTokenEnds = 9 * time.Minute
)

// webToken returns a signed JSON web token, which authenticates the App.
func (a *App) webToken() (string, error) {
	now := time.Now().Add(a.ahead)
	claims := jwt.RegisteredClaims{
		Issuer:    a.ID,
		IssuedAt:  jwt.NewNumericDate(now.Add(-issuedBefore)),
		ExpiresAt: jwt.NewNumericDate(now.Add(webTokenEnds)),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(a.Key)
	if err != nil {
		return "", fmt.Errorf("sign in as GitHub App %s: sign JSON web token: %w", a.ID, err)
	}
	return signed, nil
}

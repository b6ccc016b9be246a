package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The beginnings of hints about an App's sign-in. Each has an entry in docs/troubleshooting.md.
const (
	hintAppKey        = "the private key is not a key of this App"
	hintAppUnknown    = "GitHub knows no App of this id"
	hintAppWithoutKey = "the App has no private key"
	hintAppInstall    = "install the GitHub App"
	hintAppRepository = "give the GitHub App access to the repository"
	hintAppPermission = "the GitHub App lacks a permission"
	hintAppSuspended  = "the installation of the GitHub App is suspended"
	hintAppClock      = "GitHub refuses the time of this machine's clock"
	hintAppToken      = "GitHub does not accept the App's own new token"
	hintAppEnterprise = "GitHub lets no App manage an enterprise's runners"
)

// Topics are the beginnings of hints by the anchors of their entries in docs/troubleshooting.md.
var Topics = map[string]string{
	"app-key":           hintAppKey,
	"app-unknown":       hintAppUnknown,
	"app-without-key":   hintAppWithoutKey,
	"app-not-installed": hintAppInstall,
	"app-repository":    hintAppRepository,
	"app-permission":    hintAppPermission,
	"app-suspended":     hintAppSuspended,
	"app-clock":         hintAppClock,
	"app-token-refused": hintAppToken,
	"app-enterprise":    hintAppEnterprise,
}

// Words in GitHub's messages that distinguish its refusals of an App.
const (
	wordsWrongKey    = "could not be decoded"
	wordsUnknownApp  = "integration not found"
	wordsNoKey       = "must generate a public key"
	wordsSuspended   = "has been suspended"
	wordsPermissions = "permissions requested are not granted"
	wordsRepository  = "not accessible to the parent installation"
)

// unsent reports whether a call failed at the sign-in, before it was sent.
func unsent(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && call.SignIn
}

// refused turns a refusal of the App itself into an error of the sign-in with a hint. The caller holds turn.
func (a *App) refused(ctx context.Context, c *Client, err error) error {
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		return err
	}
	call.SignIn = true
	call.Operation = fmt.Sprintf("sign in as GitHub App %s: %s", a.ID, call.Operation)
	switch call.Class {
	case Unknown, RateLimited, Intercepted: // the class has its own hint
		return call
	}
	switch words := strings.ToLower(call.Message); {
	case isClockRefused(call):
		call.Hint = hintAppClock + ": set the clock of the machine that runs this step, for example by " +
			"systemd-timesyncd or chrony"
	case strings.Contains(words, wordsUnknownApp):
		call.Hint = hintAppUnknown +
			": give in app-client-id the client id or the App id as the App's page shows it, and not " +
			"an installation's id; an App exists only on the server that it was made on (" + c.base.Host + ")"
	case strings.Contains(words, wordsNoKey):
		call.Hint = hintAppWithoutKey + ": generate one under General > Private keys of its settings; or " +
			"app-client-id is another App's"
	case call.Class == Unauthorized: // "A JSON web token could not be decoded"
		call.Hint = hintAppKey + ", or it was deleted there: app-client-id and app-private-key must be of the same " +
			"App; generate a new key under General > Private keys of its settings, and store the whole .pem " +
			"file as the secret"
	case strings.Contains(words, wordsSuspended):
		call.Hint = a.hintSuspended()
	case strings.Contains(words, wordsRepository):
		call.Hint = a.hintRepository()
	case strings.Contains(words, wordsPermissions):
		call.Hint = a.hintPermission(ctx, c)
	case call.Class == NotFound:
		call.Hint = a.hintInstall(ctx, c)
	case call.Class == Forbidden && call.Refusal == ipAllowList:
		call.Hint = call.Advice(a.needed())
	case call.Class == Forbidden:
		call.Hint = hintAppPermission + ": it needs " + a.needed() +
			", which an owner of the place where it is installed must have accepted"
	}
	return call
}

// explain adds a hint to the error of a call that was sent with an App's token.
func (a *App) explain(err error) error {
	call, ok := err.(*CallError) //nolint:errorlint // made by exchange, not wrapped
	if !ok || call.Hint != "" {
		return err
	}
	a.mu.Lock()
	known := a.known
	a.mu.Unlock()
	words := strings.ToLower(call.Message)
	switch {
	case call.Class == Unauthorized:
		call.Hint = hintAppToken + ": see https://www.githubstatus.com, and run the job again"
	case call.Class != Forbidden && call.Class != NotFound:
	case a.Scope.IsEnterprise():
		call.Hint = hintAppEnterprise + ": use an organization's name in runner-scope, or a classic token with " +
			"'manage_runners:enterprise' as github-token in place of the App"
	case strings.Contains(words, wordsSuspended):
		call.Hint = hintAppSuspended + ": an owner lets it work again at " + known.URL
	case call.Class == Forbidden && (call.Refusal == integrationOnly || call.Refusal == mayNot):
		accepted := ""
		if call.Accepted != "" {
			accepted = " (GitHub would accept: " + call.Accepted + ")"
		}
		call.Hint = fmt.Sprintf("%s%s: this call needs %s, which an owner accepts at %s",
			hintAppPermission, accepted, a.needed(), known.URL)
	}
	return err
}

// needed returns the permission that every mode needs.
func (a *App) needed() string {
	level := levelWrite
	if a.ReadOnly {
		level = levelRead
	}
	if a.Scope.IsOrganization() {
		return fmt.Sprintf("'%s: %s' (Organization permissions > Self-hosted runners)", permOrganization, level)
	}
	return fmt.Sprintf("'%s: %s' (Repository permissions > Administration)", permAdministration, level)
}

func (a *App) hintSuspended() string {
	hint := hintAppSuspended
	if a.installation == nil {
		return hint + ": an owner lets it work again under Settings > GitHub Apps"
	}
	if by := a.installation.SuspendedBy; by != "" {
		hint += " by " + by
	}
	return hint + ": an owner lets it work again at " + a.installation.URL
}

// hintRepository returns the hint if the installation does not include the repository that the token is for.
func (a *App) hintRepository() string {
	place := ""
	if a.installation != nil {
		place = ": at " + a.installation.URL + " under Repository access"
	}
	return hintAppRepository + place + ", choose " + a.repository() + " or all repositories"
}

// repository returns the repository that tokens are limited to.
func (a *App) repository() string {
	if a.Scope.IsRepository() {
		return a.Scope.String()
	}
	return a.Repository
}

// registered is the App as its owner has registered it.
type registered struct {
	Slug  string `json:"slug"`
	URL   string `json:"html_url"`
	Owner struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"owner"`
	Permissions map[string]string `json:"permissions"`
}

// settings returns the page on which the App's owner changes its permissions.
func (r registered) settings(c *Client) string {
	server := strings.TrimSuffix(r.URL, "/apps/"+r.Slug)
	if server == r.URL { // an address of another form
		server = "https://" + strings.TrimPrefix(c.base.Host, "api.")
	}
	if r.Owner.Type == "Organization" {
		return fmt.Sprintf("%s/organizations/%s/settings/apps/%s/permissions", server, r.Owner.Login, r.Slug)
	}
	return fmt.Sprintf("%s/settings/apps/%s/permissions", server, r.Slug)
}

// itself returns the App, for a hint; ok is false if it cannot be read.
// https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app
func (a *App) itself(ctx context.Context, c *Client) (registered, bool) {
	var answer registered
	_, err := a.call(ctx, c, "get the App", http.MethodGet, "app", nil, &answer)
	return answer, err == nil
}

func (a *App) hintInstall(ctx context.Context, c *Client) string {
	kind := "repository"
	switch {
	case a.Scope.IsEnterprise():
		kind = "enterprise"
	case a.Scope.IsOrganization():
		kind = "organization"
	}
	hint := fmt.Sprintf("%s on %s", hintAppInstall, a.Scope)
	if app, ok := a.itself(ctx, c); ok {
		hint += fmt.Sprintf(": %s/installations/new", app.URL)
	}
	if kind == "repository" {
		hint += "; if it is installed for selected repositories, this one must be among them"
	}
	return hint + "; or there is no such " + kind
}

// hintPermission returns which permissions are missing, and who must grant them: the App's owner, or an owner of the
// account where it is installed.
func (a *App) hintPermission(ctx context.Context, c *Client) string {
	asked := a.request().Permissions
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if !covers(a.installation.Permissions[name], asked[name]) {
			missing = append(missing, fmt.Sprintf("'%s: %s'", name, asked[name]))
		}
	}
	if len(missing) == 0 { // the permissions have changed since the look-up
		missing = []string{a.needed()}
	}
	hint := hintAppPermission + ": " + strings.Join(missing, " and ")
	accept := "an owner of " + a.installation.Account + " accepts it at " + a.installation.URL
	app, ok := a.itself(ctx, c)
	if !ok {
		return hint + "; give it under Permissions & events of the App's settings, and then " + accept
	}
	for name, level := range asked {
		if !covers(app.Permissions[name], level) {
			return fmt.Sprintf("%s; give it at %s, and then %s", hint, app.settings(c), accept)
		}
	}
	return hint + "; the App asks for it, and it is not accepted yet: " + accept
}

// covers reports whether a granted level includes the wanted one.
func covers(granted, wanted string) bool {
	levels := []string{"", levelRead, levelWrite, "admin"}
	return slices.Index(levels, granted) >= slices.Index(levels, wanted)
}

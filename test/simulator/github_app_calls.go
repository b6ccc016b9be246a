package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// installationToken is a token that an App has asked for.
type installationToken struct {
	*installation
	made, expires time.Time // by GitHub's clock
	permissions   map[string]string
	repositories  []string // "owner/repo"; none means all of the installation's
}

// installed returns a token of an App, nil for one that is unknown or over.
func (h *hub) installed(value string) *installationToken {
	t := h.installationTokens[value]
	if t == nil || !h.clock().Before(t.expires) {
		return nil
	}
	return t
}

// authenticate returns who calls: an App by its JSON web token where the route is for Apps, else a token.
func (call *hubCall) authenticate(n need) (answer, bool) {
	token := bearer(call.req)
	if n == needApp {
		a, refusal := call.hub.appOf(token)
		call.app = a
		return refusal, a != nil
	}
	if call.token = call.hub.token(token); call.token != nil {
		return answer{}, true
	}
	call.installed = call.hub.installed(token)
	if t := call.installed; t != nil && call.clock().Sub(t.made) >= call.w.scaled(call.w.cfg.Timing.TokenKnown) {
		return answer{}, true
	}
	if token == "" {
		return hubError(http.StatusUnauthorized, "Requires authentication"), false
	}
	return hubError(http.StatusUnauthorized, "Bad credentials"), false
}

const appsPage = "https://docs.github.com/rest/reference/apps#create-an-installation-access-token-for-an-app"

// mayAsApp returns what an installation token may not: 404 where it does not reach, 403 without the permission.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
func (call *hubCall) mayAsApp(n need) (answer, bool) {
	t, scope := call.installed, call.x.scope
	if t.suspended {
		return hubErrorAt(http.StatusForbidden, "This installation has been suspended", appsPage), false
	}
	var name string
	level := "read"
	switch {
	case n == needToken:
		return answer{}, true
	case strings.HasPrefix(scope, "enterprises/"): // "enabledForGitHubApps": false, as GitHub's description has each
		return hubError(http.StatusForbidden, "Resource not accessible by integration"), false
	case n == needActions:
		name = "actions"
	case strings.Contains(scope, "/"):
		name = "administration"
	default:
		name = "organization_self_hosted_runners"
	}
	if call.req.Method != http.MethodGet {
		level = "write"
	}
	isBeyond := len(t.repositories) > 0 && strings.Contains(scope, "/") && !slices.Contains(t.repositories,
		strings.ToLower(scope))
	if isBeyond || !t.covers(scope) {
		return hubError(http.StatusNotFound, "Not Found"), false
	}
	// "We found your scoped installation token with limited permissions, but the permissions they write aren't
	// replicated yet."
	// https://github.com/octokit/auth-app.js/issues/589
	isKnown := call.hub.clock().Sub(t.made) >= 2*call.w.scaled(call.w.cfg.Timing.TokenKnown)
	if granted := t.permissions[name]; isKnown && (granted == "write" || granted == level) {
		return answer{}, true
	}
	a := hubError(http.StatusForbidden, "Resource not accessible by integration")
	a.header.Set("X-Accepted-GitHub-Permissions", name+"="+level)
	return a, false
}

// getApp: https://docs.github.com/rest/apps/apps#get-the-authenticated-app
func getApp(call *hubCall) answer {
	a := call.app
	return hubJSON(http.StatusOK, map[string]any{
		"id": a.ID, "client_id": a.ClientID, "slug": a.Slug, "node_id": "A_" + strconv.FormatInt(a.ID, 10),
		"name":        a.Slug,
		"description": nil,
		"owner":       account(a.Owner, a.ID), "external_url": "https://example.invalid",
		"html_url":   "https://github.com/apps/" + a.Slug,
		"created_at": born, "updated_at": born, "permissions": orNone(a.Permissions), "events": []string{},
		"installations_count": len(a.installations),
	})
}

const born = "2026-01-01T00:00:00Z"

// account is a user or an organization in short.
func account(login string, id int64) map[string]any {
	site, api := "https://github.com/"+login, "https://api.github.com/users/"+login
	short := map[string]any{"login": login, "id": id, "node_id": "O_" + login, "gravatar_id": "",
		"type":       "Organization",
		"site_admin": false, "url": api, "html_url": site}
	for field, path := range map[string]string{
		"avatar_url": "", "followers_url": "/followers", "following_url": "/following", "gists_url": "/gists",
		"starred_url":       "/starred",
		"subscriptions_url": "/subscriptions", "organizations_url": "/orgs", "repos_url": "/repos",
		"events_url":          "/events",
		"received_events_url": "/received_events",
	} {
		short[field] = api + path
	}
	return short
}

func orNone(permissions map[string]string) map[string]string {
	if permissions == nil {
		return map[string]string{}
	}
	return permissions
}

// getInstallation: https://docs.github.com/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
func getInstallation(call *hubCall) answer {
	i := call.app.place(call.x.scope)
	exists := !strings.Contains(call.x.scope, "/") || strings.HasPrefix(call.x.scope, "enterprises/") ||
		slices.Contains(call.w.cfg.Repositories, call.x.scope)
	if i == nil || !exists {
		return hubError(http.StatusNotFound, "Not Found")
	}
	api, selection, target := fmt.Sprintf("%s/app/installations/%d", call.base, i.ID), "all", "Organization"
	if len(i.Repositories) > 0 {
		selection = "selected"
	}
	page := fmt.Sprintf("https://github.com/organizations/%s/settings/installations/%d", i.Account, i.ID)
	owner := any(account(i.Account, i.ID))
	if slug, ok := strings.CutPrefix(i.Account, "enterprises/"); ok {
		target, page = "Enterprise", fmt.Sprintf("https://github.com/enterprises/%s/settings/installations/%d", slug,
			i.ID)
		owner = map[string]any{"id": i.ID, "node_id": "E_" + slug, "name": slug, "slug": slug,
			"html_url":   "https://github.com/enterprises/" + slug,
			"created_at": born, "updated_at": born, "avatar_url": "https://github.com/avatar"}
	}
	shown := map[string]any{
		"id": i.ID, "account": owner, "repository_selection": selection, "access_tokens_url": api + "/access_tokens",
		"repositories_url": call.base + "/installation/repositories",
		"html_url":         page, "app_id": i.app.ID, "client_id": i.app.ClientID, "app_slug": i.app.Slug,
		"target_id":   i.ID,
		"target_type": target,
		"permissions": orNone(i.Permissions), "events": []string{}, "created_at": born, "updated_at": born,
		"single_file_name": nil, "suspended_at": nil, "suspended_by": nil,
	}
	if i.suspended {
		shown["suspended_at"], shown["suspended_by"] = born, account("demo-owner", 1)
	}
	return hubJSON(http.StatusOK, shown)
}

// createInstallationToken: https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
func createInstallationToken(call *hubCall) answer {
	var asked struct {
		Repositories []string          `json:"repositories"`
		Permissions  map[string]string `json:"permissions"`
	}
	if len(call.body) > 0 && json.Unmarshal(call.body, &asked) != nil {
		return hubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	id, _ := strconv.ParseInt(call.params["installation_id"], 10, 64)
	at := slices.IndexFunc(call.app.installations, func(i *installation) bool { return i.ID == id })
	if at < 0 {
		return hubError(http.StatusNotFound, "Not Found")
	}
	i := call.app.installations[at]
	t := &installationToken{installation: i, made: call.clock(),
		expires: call.clock().Add(call.w.cfg.InstallationTokenLifetime), permissions: maps.Clone(orNone(i.Permissions))}
	if i.suspended {
		return hubErrorAt(http.StatusForbidden, "This installation has been suspended", appsPage)
	}
	isEnterprise := strings.HasPrefix(i.Account, "enterprises/")
	if isEnterprise && len(asked.Permissions)+len(asked.Repositories) > 0 { // "cannot be scoped down"
		return hubErrorAt(http.StatusUnprocessableEntity, "Enterprise installations cannot be scoped down.", appsPage)
	}
	for name, level := range asked.Permissions {
		if granted := i.Permissions[name]; granted != level && granted != "write" {
			return hubErrorAt(http.StatusUnprocessableEntity,
				"The permissions requested are not granted to this installation.",
				appsPage)
		}
	}
	if len(asked.Permissions) > 0 {
		t.permissions = maps.Clone(asked.Permissions)
	}
	for _, name := range asked.Repositories {
		repository := i.Account + "/" + name
		if !i.covers(repository) || !slices.Contains(call.w.cfg.Repositories, repository) {
			return hubErrorAt(http.StatusUnprocessableEntity,
				"There is at least one repository that does not exist or is not accessible to the parent installation.",
				appsPage)
		}
		t.repositories = append(t.repositories, strings.ToLower(repository))
	}
	shown := map[string]any{"expires_at": t.expires.UTC().Format(time.RFC3339)}
	if !isEnterprise {
		t.permissions["metadata"] = "read" // every token has it
		shown["repository_selection"] = "all"
		if len(t.repositories)+len(i.Repositories) > 0 {
			shown["repository_selection"] = "selected"
		}
	}
	shown["permissions"] = t.permissions
	value := "ghs_" + call.w.hex(36)
	shown["token"] = value
	call.installationTokens[value] = t
	call.usedFirst(i)
	return hubJSON(http.StatusCreated, shown)
}

// revokeInstallationToken ends the token that asks for it, as actions/create-github-app-token does after its job.
// https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token
func revokeInstallationToken(call *hubCall) answer {
	if call.installed == nil {
		return hubError(http.StatusForbidden,
			"You must authenticate with an installation access token in order to revoke it.")
	}
	delete(call.hub.installationTokens, bearer(call.req))
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

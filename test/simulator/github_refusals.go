package simulator

import (
	"fmt"
	"net/http"
)

// refusal is one of GitHub's refusals, word for word.
type refusal struct {
	message string
	header  map[string]string
	page    string // the title of a web page that something else answers
}

// refusals are the kinds of weather that Fault.Code names for GitHub. The texts are those of GitHub's documentation and
// of public reports: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
var refusals = map[string]refusal{
	"single-sign-on": {
		message: "Resource protected by organization SAML enforcement. You must grant your Personal Access token " +
			"access to this organization.",
		header: map[string]string{"X-GitHub-SSO": "required; " +
			"url=https://github.com/orgs/demo-org/sso?authorization_request=A0"},
	},
	"ip-allow-list": {message: "Although you appear to have the correct authorization credentials, the `demo-org` " +
		"organization has an IP allow list enabled, and your IP address is not permitted to access this resource."},
	"classic-token": {message: "`demo-org` forbids access via a personal access token (classic). Please use a GitHub " +
		"App, OAuth App, or a personal access token with fine-grained permissions."},
	"token-lifetime": {message: "The 'demo-org' organization forbids access via a fine-grained personal access " +
		"tokens if the token's lifetime is greater than 90 days. Please adjust your token's lifetime at the " +
		"following URL: https://github.com/settings/personal-access-tokens/1"},
	"token-scope": {message: "Resource not accessible by personal access token",
		header: map[string]string{"X-Accepted-GitHub-Permissions": "administration=write"}},
	"integration": {message: "Resource not accessible by integration",
		header: map[string]string{"X-Accepted-GitHub-Permissions": "administration=write"}},
	"runners-disabled": {
		message: "Repository level self-hosted runners are disabled on this repository.",
	},
	"secondary-limit": {message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try " +
		"again."},
	"proxy-page": {page: "Access denied", header: map[string]string{"Server": "squid"}},
}

// refusalAnswer answers as GitHub, or what stands before it, refuses.
func refusalAnswer(name string) answer {
	r, known := refusals[name]
	if !known {
		panic("simulator: GitHub has no refusal " + name)
	}
	a := hubError(http.StatusForbidden, r.message)
	if r.page != "" {
		a.header.Set("Content-Type", "text/html; charset=utf-8")
		a.body = fmt.Appendf(nil, "<html><head><title>%s</title></head><body>This request was blocked.</body></html>",
			r.page)
	}
	for key, value := range r.header {
		a.header.Set(key, value)
	}
	return a
}

package github

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	gh "github.com/google/go-github/v57/github"
)

// Why GitHub forbids a call, by the anchors of docs/troubleshooting.md. All are 403 and are distinguished by headers
// and messages; documentation_url has changed too often to be used. Reasons that are not recognised are mayNot.
const (
	mayNot       = ""
	singleSignOn = "single-sign-on"         // the token is not authorized for the organization's SAML
	ipAllowList  = "ip-allow-list"          // the organization accepts calls only from certain addresses
	classicToken = "classic-tokens-refused" // the organization refuses classic personal access tokens
	// The organization's policy refuses this token: its lifetime is too long, or it is fine-grained.
	tokenPolicy = "token-policy"
	// A fine-grained token that is not approved, has another owner, or lacks the permission.
	tokenScope      = "token-does-not-reach"
	runnersDisabled = "runners-turned-off" // an owner has disabled the repository's self-hosted runners
	// An installation token without the permission, such as GITHUB_TOKEN.
	integrationOnly = "workflow-token"
)

// signs are the reasons by lower-case words that the message contains, all of them, in the order of precedence.
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
var signs = []struct {
	refusal string
	words   []string
}{
	{singleSignOn, []string{"saml"}},
	{singleSignOn, []string{"single sign-on"}},
	{ipAllowList, []string{"ip allow list"}},
	{ipAllowList, []string{"ip address is not permitted"}},
	{tokenPolicy, []string{"forbids", "lifetime"}}, // of either kind of token
	{classicToken, []string{"personal access token (classic)"}},
	{classicToken, []string{"forbids", "classic"}},
	{tokenPolicy, []string{"forbids", "fine-grained"}},
	{runnersDisabled, []string{"runners are disabled"}},
	{runnersDisabled, []string{"runners", "disabled", "repository"}},
	{integrationOnly, []string{"not accessible by integration"}},
	{tokenScope, []string{"not accessible by personal access token"}},
}

// refusalOf returns the reason why GitHub forbids a call.
func refusalOf(message string, header http.Header) string {
	if strings.Contains(header.Get("X-GitHub-SSO"), "required") {
		return singleSignOn
	}
	message = strings.ToLower(message)
	for _, sign := range signs {
		if !slices.ContainsFunc(sign.words, func(word string) bool { return !strings.Contains(message, word) }) {
			return sign.refusal
		}
	}
	return mayNot
}

// isSecondaryLimit reports whether the message is about a secondary rate limit: headers and documentation_url do not
// always show it.
func isSecondaryLimit(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "secondary rate limit") || strings.Contains(message, "abuse detection")
}

var signOnURL = regexp.MustCompile(`url=(https?://[^\s;,]+)`)

// signOnLink returns the address at which the token can be authorized, from X-GitHub-SSO: "required; url=https://…".
func signOnLink(header http.Header) string {
	if found := signOnURL.FindStringSubmatch(header.Get("X-GitHub-SSO")); found != nil {
		return found[1]
	}
	return ""
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// maxPage limits how much of a page is read to find its title.
const maxPage = 64 << 10

// interception reports whether a response is a web page, and describes it: GitHub's API responds in JSON, so a page
// comes from something in between.
func interception(response *gh.Response, body io.Reader) (string, bool) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")) // invalid ones count as missing
	page, _ := io.ReadAll(io.LimitReader(body, maxPage))                   // what could be read suffices
	if kind != "text/html" && !bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(page)), []byte("<html")) {
		return "", false
	}
	words := "a web page"
	if found := pageTitle.FindSubmatch(page); found != nil {
		words = fmt.Sprintf("a page titled %q", strings.Join(strings.Fields(string(found[1])), " "))
	}
	host := ""
	if response.Request != nil {
		host = " for " + response.Request.URL.Host
	}
	if server := response.Header.Get("Server"); server != "" {
		host += " (server " + server + ")"
	}
	return words + host, true
}

// Advice returns what to do about a refusal; needed is the permission that is required.
func (e *CallError) Advice(needed string) string {
	if e.Hint != "" {
		return e.Hint
	}
	accepted := ""
	if e.Accepted != "" {
		accepted = " (GitHub would accept: " + e.Accepted + ")"
	}
	switch e.Refusal {
	case singleSignOn:
		link := "https://github.com/settings/tokens"
		if e.SignOn != "" {
			link = e.SignOn
		}
		return "authorize the github-token for the organization's single sign-on: " + link
	case ipAllowList:
		return "the organization accepts calls only from addresses on its IP allow list: run this job on a runner " +
			"with such an address, or let an owner add it"
	case classicToken:
		return "the organization refuses classic tokens: use a fine-grained token or a GitHub App with " + needed
	case tokenPolicy:
		return "the organization's policy refuses this token, by its kind or its lifetime: make one as GitHub's " +
			"message asks, or use a GitHub App with " + needed
	case tokenScope:
		return "the fine-grained token does not reach this place" + accepted +
			": its resource owner must be the organization or user that owns it, an owner must have approved it, " +
			"the repository must be selected, and it needs " + needed
	case runnersDisabled:
		return "self-hosted runners are turned off for this repository: an owner of the organization turns them on " +
			"under Settings > Actions > General > Runners, or give an organization's name in the input 'runner-scope'"
	case integrationOnly:
		return "an installation token without the permission" + accepted + ": the workflow's own GITHUB_TOKEN never " +
			"has it, so give a personal access token, or the token of a GitHub App to which the permission was " +
			"granted and whose new permissions an owner has accepted: " + needed
	}
	return "the github-token may not manage runners" + accepted + ": it needs " + needed +
		"; the workflow's own GITHUB_TOKEN cannot be given that"
}

// AdviceIntercepted is what to do about a response that is not GitHub's.
const AdviceIntercepted = "something between this step and GitHub answered: check the proxy or firewall " +
	"(HTTPS_PROXY, NO_PROXY) and GITHUB_API_URL"

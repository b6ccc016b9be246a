package github_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// answering gives every request the same response.
type answering struct {
	status int
	header map[string]string
	body   string
}

func (a answering) RoundTrip(request *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: a.status, Header: http.Header{},
		Body:    io.NopCloser(strings.NewReader(a.body)),
		Request: request}
	for key, value := range a.header {
		response.Header.Set(key, value)
	}
	return response, nil
}

func said(message string) string {
	raw, _ := json.Marshal(map[string]string{"message": message}) // a map of texts
	return string(raw)
}

// TestRefusals: each cause of a 403 is recognised by either of its signs, the header or the message, regardless of
// case.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message string
		header  map[string]string
		want    string
		advice  string
	}{
		{"Forbidden", map[string]string{"X-GitHub-SSO": "required; " +
			"url=https://github.com/orgs/acme/sso?authorization_request=A0"}, "single-sign-on",
			"https://github.com/orgs/acme/sso?authorization_request=A0"},
		{"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to " +
			"this organization.", nil, "single-sign-on", "https://github.com/settings/tokens"},
		{"the `acme` organization has an IP allow list enabled", nil, "ip-allow-list", "IP allow list"},
		{"your IP address is not permitted to access this resource", nil, "ip-allow-list", "IP allow list"},
		{"`acme` forbids access via a personal access token (classic).", nil, "classic-tokens-refused", "fine-grained"},
		{"The 'acme' organization forbids access via a fine-grained personal access tokens if the token's lifetime " +
			"is greater than 366 days.", nil, "token-policy", "lifetime"},
		{"The 'acme' organization forbids access via a personal access token (classic) if the token's lifetime is " +
			"greater than 90 days.", nil, "token-policy", "lifetime"},
		{"Repository level self-hosted runners are disabled on this repository.", nil, "runners-turned-off",
			"Settings > Actions"},
		{"Resource not accessible by integration",
			map[string]string{"X-Accepted-GitHub-Permissions": "administration=write"},
			"workflow-token", "administration=write"},
		{"Resource not accessible by personal access token",
			map[string]string{"X-Accepted-GitHub-Permissions": "administration=write"}, "", "administration=write"},
		{"Must have admin rights to Repository.", nil, "", "administration"},
	} {
		client := newClient(t, answering{http.StatusForbidden, c.header, said(c.message)})
		_, err := client.RegistrationToken(t.Context())
		call, ok := errors.AsType[*github.CallError](err)
		if !ok || call.Class != github.Forbidden || call.Refusal != c.want {
			t.Errorf("%s: %+v, want refusal %q", c.message, call, c.want)
			continue
		}
		if advice := call.Advice("'administration: write'"); !strings.Contains(advice, c.advice) {
			t.Errorf("%s: %s", c.message, advice)
		}
	}
}

// TestSecondaryLimitByWordsAlone: neither a header nor documentation_url shows it.
func TestSecondaryLimitByWordsAlone(t *testing.T) {
	t.Parallel()
	client := newClient(t, answering{http.StatusForbidden, nil,
		said("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := client.RunnerByName(ctx, "a"); err == nil {
		t.Error("no error")
	}
	if _, _, err := client.RunnerByName(t.Context(), "a"); github.ClassOf(err) != github.RateLimited {
		t.Errorf("class %d: %v", github.ClassOf(err), err)
	}
}

// TestIntercepted: a web page is never GitHub's response, so its 404 does not mean that a runner is gone.
func TestIntercepted(t *testing.T) {
	t.Parallel()
	page := "<html><head><title>Access\n denied</title></head></html>"
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired,
		http.StatusUnauthorized} {
		for _, header := range []map[string]string{{"Content-Type": "text/html; charset=utf-8"}, nil} {
			client := newClient(t, answering{status, header, page})
			err := client.Remove(t.Context(), 7)
			if github.ClassOf(err) != github.Intercepted || !strings.Contains(err.Error(),
				`a page titled "Access denied" for api.github.com`) {
				t.Errorf("%d %v: %v", status, header, err)
			}
		}
	}
}

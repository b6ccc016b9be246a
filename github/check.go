package github

import (
	"context"
	"net/http"
	"strings"
	"time"

	gh "github.com/google/go-github/v57/github"
)

// fineGrained is the prefix of fine-grained personal access tokens.
const fineGrained = "github_pat_"

// tokenKinds are the kinds of tokens by their prefixes.
// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
var tokenKinds = []struct{ prefix, kind string }{
	{fineGrained, "a fine-grained personal access token"},
	{"ghp_", "a classic personal access token"},
	{"gho_", "an OAuth app's token"},
	{"ghu_", "a GitHub App's token for a user"},
	{"ghs_", "a GitHub App's installation token, or the workflow's own GITHUB_TOKEN"},
}

// tokenKind returns the kind of a token according to its prefix.
func tokenKind(token string) string {
	for _, known := range tokenKinds {
		if strings.HasPrefix(token, known.prefix) {
			return known.kind
		}
	}
	return "a token of unknown form"
}

// RateLimit returns the state of the token's hourly limit; the call does not count against it. An error of class
// NotFound means that this server sets no limit.
// https://docs.github.com/en/rest/rate-limit/rate-limit
func (c *Client) RateLimit(ctx context.Context) (Rate, error) {
	var answer struct {
		Resources struct {
			Core struct {
				Limit     int   `json:"limit"`
				Used      int   `json:"used"`
				Remaining int   `json:"remaining"`
				Reset     int64 `json:"reset"`
			} `json:"core"`
		} `json:"resources"`
	}
	if err := c.call(ctx, "get rate limit", http.MethodGet, "rate_limit", &answer); err != nil {
		return Rate{}, err
	}
	core := answer.Resources.Core
	return Rate{Limit: core.Limit, Used: core.Used, Remaining: core.Remaining, Reset: time.Unix(core.Reset, 0)}, nil
}

// MayRegister requests a registration token, as a start does, and discards it. No lesser call proves the permission: a
// token with read access can list runners too.
func (c *Client) MayRegister(ctx context.Context) error {
	_, err := c.RegistrationToken(ctx)
	return err
}

// Deprecation returns when GitHub will refuse a version of the runner; zero if GitHub does not say.
// https://docs.github.com/en/enterprise-cloud@latest/rest/actions/self-hosted-runners
func (c *Client) Deprecation(ctx context.Context, version string) (registration, runtime time.Time, err error) {
	var answer struct {
		Registration *gh.Timestamp `json:"registration_deprecates_at"`
		Runtime      *gh.Timestamp `json:"runtime_deprecates_at"`
	}
	if err := c.call(ctx, "get deprecation of runner "+version, http.MethodGet,
		c.path("runners/deprecations/%s", version), &answer); err != nil {
		return registration, runtime, err
	}
	if answer.Registration != nil {
		registration = answer.Registration.Time
	}
	if answer.Runtime != nil {
		runtime = answer.Runtime.Time
	}
	return registration, runtime, nil
}

// Package github wraps GitHub's API for self-hosted runners in this program's types: scope, registration, runner.
//
// It is the only importer of go-github. Each kind of scope (repository, organization, enterprise) has the same calls
// under a path of its own, so calls are made by path; go-github provides the transport, the types and the parsing of
// errors. https://docs.github.com/en/rest/actions/self-hosted-runners
package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v57/github"
)

// DefaultBaseURL is the address of github.com's API.
const DefaultBaseURL = "https://api.github.com"

// callTimeout limits one HTTP exchange. GitHub itself terminates requests after 10 s.
const callTimeout = 15 * time.Second

// Client manages the runners of one scope. It is safe for concurrent use.
type Client struct {
	scope Scope
	base  *url.URL
	token string // empty for an App
	app   *App
	http  *http.Client
	log   *slog.Logger

	mu        sync.Mutex
	rate      Rate
	tokenEnds time.Time // expiry of a personal access token, if known

	creations creations
}

// Options describe how to reach GitHub.
type Options struct {
	BaseURL   string // GITHUB_API_URL: https://api.github.com, or https://HOST/api/v3
	Token     string
	App       *App // instead of Token
	Scope     Scope
	Transport http.RoundTripper // nil: a new one with the proxy settings of the environment
	// CACertificates are PEM blocks to trust in addition to the system's, for an Enterprise Server with a private CA.
	CACertificates string
	Log            *slog.Logger // nil: nothing is logged
}

// New returns a client with its own connections.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/") + "/")
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fmt.Errorf("GITHUB_API_URL %q is not a web address such as %s", o.BaseURL, DefaultBaseURL)
	}
	if o.Transport == nil {
		o.Transport = Transport(o.CACertificates)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		scope: o.Scope, base: base, token: o.Token, app: o.App, log: o.Log,
		http: &http.Client{Transport: o.Transport}, creations: newCreations(),
	}, nil
}

// Transport returns a new transport that trusts the system's certificates and the given ones, in PEM, and uses the
// proxies of the environment.
func Transport(caCertificates string) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caCertificates != "" {
		transport.TLSClientConfig = &tls.Config{RootCAs: trusting(caCertificates), MinVersion: tls.VersionTLS12}
	}
	return transport
}

// trusting returns the system's certificates and the given ones.
func trusting(pem string) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(pem))
	return pool
}

// Rate is the state of the token's hourly limit in GitHub's last response. Used counts all users of the token.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
type Rate struct {
	Limit, Used, Remaining int
	Reset                  time.Time
	Calls                  int // how many responses this client has got; 0: the state is not known
}

// Rate returns the newest state.
func (c *Client) Rate() Rate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

// once makes a call without retries, except those of an App's sign-in. into may be nil.
func (c *Client) once(ctx context.Context, operation, method, path string, body, into any) error {
	call := func(token string) error {
		header, err := c.exchange(ctx, operation, method, path, body, into, token)
		if header != nil {
			c.remember(header)
		}
		return err
	}
	if c.app != nil {
		return c.app.do(ctx, c, call)
	}
	return call(c.token)
}

// exchange makes one call with a token. The header is nil if there was no response.
//
// Each call creates a new go-github client: the client remembers a rate limit and would refuse later calls without
// sending them, including a roll-back's DELETE. retry.go obeys the limits instead.
func (c *Client) exchange(ctx context.Context, operation, method, path string, body, into any,
	token string) (http.Header, error) {
	client := gh.NewClient(c.http)
	client.BaseURL = c.base
	client.UserAgent = "ec2-github-runner"
	request, err := client.NewRequest(method, path, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	// WithAuthToken is not used: it wraps the http.Client's transport again for each client, and would send the token
	// to any host that a redirect names.
	request.Header.Set("Authorization", "Bearer "+token)
	// http.Client.Timeout is not used: go-github does not close the body of an error response, so the timer would keep
	// running.
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := client.Do(ctx, request, into)
	var header http.Header
	if response != nil && response.Response != nil {
		header = response.Header
	}
	err = callError(operation, response, err)
	if call, ok := errors.AsType[*CallError](err); ok {
		call.Scope = c.scope
		if call.Refusal == tokenScope && !strings.HasPrefix(token, fineGrained) {
			call.Refusal = mayNot // for other kinds of tokens the message is not specific
		}
	}
	return header, err
}

// Scope returns the scope whose runners the client manages.
func (c *Client) Scope() Scope { return c.scope }

func (c *Client) path(format string, args ...any) string {
	return c.scope.apiPath() + "/actions/" + fmt.Sprintf(format, args...)
}

// Package github speaks GitHub's API for self-hosted runners in the words of this program: scope, registration, runner.
//
// It is the only importer of go-github. Every scope (repository, organization, enterprise) has the same calls below a
// path of its own, so the calls are made by path; go-github gives the transport, the types and the reading of errors.
// https://docs.github.com/en/rest/actions/self-hosted-runners
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

// DefaultBaseURL is the API of github.com.
const DefaultBaseURL = "https://api.github.com"

// callTimeout bounds one HTTP exchange. GitHub itself gives up after 10 s.
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
	tokenEnds time.Time // of a personal access token, where GitHub says when

	creations creations
}

// Options say how to reach GitHub.
type Options struct {
	BaseURL   string // GITHUB_API_URL: https://api.github.com, or https://HOST/api/v3
	Token     string
	App       *App // in place of Token
	Scope     Scope
	Transport http.RoundTripper // nil: a transport of its own, by the proxy settings of the environment
	// CACertificates are PEM blocks to trust beside the system's, for an Enterprise Server with a private CA.
	CACertificates string
	Log            *slog.Logger // is told of waits that GitHub asks for; nil: nobody is
}

// New returns a client with connections of its own.
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

// Transport is one of its own that trusts the system's certificates and more, in PEM, and heeds the proxies of the
// environment.
func Transport(caCertificates string) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caCertificates != "" {
		transport.TLSClientConfig = &tls.Config{RootCAs: trusting(caCertificates), MinVersion: tls.VersionTLS12}
	}
	return transport
}

// trusting is the system's certificates and more.
func trusting(pem string) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(pem))
	return pool
}

// Rate is what GitHub last said about the token's hourly limit. Used counts every user of the token.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
type Rate struct {
	Limit, Used, Remaining int
	Reset                  time.Time
	Calls                  int // how many answers this client has had; 0 means that nothing is known
}

// Rate returns the newest reading.
func (c *Client) Rate() Rate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

// once makes one call and no second, but for what an App's sign-in needs. into may be nil.
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

// exchange makes one call with a token. The header is nil where there was no answer.
//
// The go-github client is made anew for each call: it remembers a rate limit and would refuse later calls unsent, a
// roll-back's DELETE among them. What GitHub asks for is obeyed in retry.go instead.
func (c *Client) exchange(ctx context.Context, operation, method, path string, body, into any,
	token string) (http.Header, error) {
	client := gh.NewClient(c.http)
	client.BaseURL = c.base
	client.UserAgent = "ec2-github-runner"
	request, err := client.NewRequest(method, path, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	// Not WithAuthToken: it wraps the transport of the http.Client that it is given, anew each time, and would send the
	// token to whatever host a redirect names.
	request.Header.Set("Authorization", "Bearer "+token)
	// Not http.Client.Timeout: go-github does not close the body of a refusal, and the timer would wait out its time.
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
			call.Refusal = mayNot // the same words to a token of another kind say no more than that
		}
	}
	return header, err
}

// Scope is where the client manages runners.
func (c *Client) Scope() Scope { return c.scope }

func (c *Client) path(format string, args ...any) string {
	return c.scope.apiPath() + "/actions/" + fmt.Sprintf(format, args...)
}

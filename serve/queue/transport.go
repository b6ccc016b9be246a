package queue

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Limits of a call. GitHub holds a poll for 50 s. What fails is tried again here only for as long as a job can wait.
const (
	callTimeout = 90 * time.Second
	maxTries    = 3
	firstWait   = 500 * time.Millisecond
)

// retrying makes the client that actions/scaleset is given. The library changes that client's policy while it signs in
// (it then retries 401 and 403 in every call, and a poll in another goroutine reads what it writes), so the retries are
// made below it, and each of its two clients gets one of its own. It takes nothing but an http.Transport.
// https://github.com/actions/scaleset/blob/v0.4.0/client.go, getActionsServiceAdminConnectionRequest
func retrying(below http.RoundTripper) *retryablehttp.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	transport.RegisterProtocol("https", &retrier{below})
	transport.RegisterProtocol("http", &retrier{below})
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{Transport: transport, Timeout: callTimeout}
	client.RetryMax, client.Logger, client.ErrorHandler = 0, nil, retryablehttp.PassthroughErrorHandler
	return client
}

// retrier asks again what got no answer, half of one, or a 5xx. Answers are read here, since the library does not close
// a body that ends too early: sendRequest, https://github.com/actions/scaleset/blob/v0.4.0/common_client.go
type retrier struct{ below http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r *retrier) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
		if err := request.Body.Close(); err != nil {
			return nil, err
		}
	}
	ctx := request.Context()
	for try, wait := 1, firstWait; ; try, wait = try+1, wait*2 {
		next := request.Clone(ctx)
		if request.Body != nil {
			next.Body = io.NopCloser(bytes.NewReader(body))
		}
		response, err := read(r.below.RoundTrip(next))
		_, refused := errors.AsType[*signInError](err)
		if try == maxTries || ctx.Err() != nil || refused || (err == nil && response.StatusCode < 500) {
			return response, err
		}
		if err := pause(ctx, wait/2+rand.N(wait)); err != nil { //nolint:gosec // spreads load, keeps no secret
			return nil, err
		}
	}
}

// read reads an answer to its end.
func read(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

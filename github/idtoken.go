package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// IDTokens requests OIDC tokens for a job. GitHub passes both values to the steps of a job that has `permissions:
// id-token: write`, container actions included.
// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
type IDTokens struct {
	URL    string // ACTIONS_ID_TOKEN_REQUEST_URL, which has a query already
	Bearer string // ACTIONS_ID_TOKEN_REQUEST_TOKEN
	// Transport carries the requests; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Limits of a request. The endpoint responds within a second; timeouts, 5xx and 429 are retried.
const (
	idTokenAttempt = 10 * time.Second
	idTokenTimeout = 45 * time.Second
	maxIDToken     = 1 << 16
)

// Get returns a new OIDC token for an audience. The error is a *CallError.
func (t IDTokens) Get(ctx context.Context, audience string) (string, error) {
	policy := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(idTokenTimeout))
	var token string
	var last error
	err := backoff.Retry(func() error {
		var err error
		token, err = t.ask(ctx, audience)
		if last == nil || ctx.Err() == nil { // an error caused by the context's end is less useful than the one before
			last = err
		}
		switch ClassOf(err) {
		case Unknown, RateLimited:
			return err
		}
		if err != nil {
			return backoff.Permanent(err)
		}
		return nil
	}, backoff.WithContext(policy, ctx))
	if err != nil && last != nil {
		return "", last
	}
	return token, err
}

const idTokenOperation = "get OIDC token"

func (t IDTokens) ask(ctx context.Context, audience string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, idTokenAttempt)
	defer cancel()
	separator := "?"
	if strings.Contains(t.URL, "?") {
		separator = "&"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		t.URL+separator+"audience="+url.QueryEscape(audience), nil)
	if err != nil {
		return "", &CallError{Operation: idTokenOperation, Class: Other,
			Message: "ACTIONS_ID_TOKEN_REQUEST_URL is not a web address", Err: err}
	}
	request.Header.Set("Authorization", "Bearer "+t.Bearer)
	request.Header.Set("Accept", "application/json")
	response, err := (&http.Client{Transport: t.Transport}).Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // it quotes the address
			err = wrapped.Err
		}
		return "", &CallError{Operation: idTokenOperation, Class: Unknown, Message: err.Error(), Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxIDToken))
	var answer struct{ Value, Message string }
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	call := &CallError{
		Operation: idTokenOperation, Status: response.StatusCode, RequestID: response.Header.Get("X-GitHub-Request-Id"),
		Message: answer.Message, Err: err,
	}
	call.Message = cmp.Or(call.Message, http.StatusText(response.StatusCode))
	switch {
	case response.StatusCode == http.StatusOK && err == nil && answer.Value != "":
		return answer.Value, nil
	case response.StatusCode == http.StatusOK:
		call.Class, call.Message = Unknown, "the response contains no token"
	case response.StatusCode == http.StatusTooManyRequests:
		call.Class, call.Until = RateLimited, time.Now().Add(askedWait(response.Header))
	default:
		call.Class = classOf(call, response.Header, fmt.Errorf("status %d", response.StatusCode))
	}
	return "", call
}

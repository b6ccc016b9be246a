package queue

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Access is the transport to GitHub that all clients of a process share. A client gets its token for the scale-set
// service by two calls, which Access makes once for all clients: GitHub creates few tokens a minute, which fifty sets
// with two calls each would exceed. It also authorizes the first of the two: the library would use the token that it
// was created with for ever, and would sign in as an App by the local clock.
type Access struct {
	below http.RoundTripper
	token func(context.Context) (string, error)
	turn  chan struct{} // held while the fields below are used or changed
	kept  map[string]kept
	asked map[string]asked // the library's requests, for repeating them
	given map[string]bool  // tokens for the service; false for those that GitHub refuses
}

// kept is an answer that is used for all clients.
type kept struct {
	status int
	body   []byte
	until  time.Time
}

// How long answers are kept. A registration token is valid for an hour; the token for the service contains its expiry.
const (
	tokenPath      = "/actions/runners/registration-token"
	connectionPath = "/actions/runner-registration"
	tokenKept      = 40 * time.Minute
	beforeEnd      = 2 * time.Minute
)

// NewAccess returns access over a transport. token returns a valid token of the user or the App.
func NewAccess(transport http.RoundTripper, token func(context.Context) (string, error)) *Access {
	return &Access{below: transport, token: token, turn: make(chan struct{}, 1), kept: map[string]kept{},
		asked: map[string]asked{}, given: map[string]bool{}}
}

// RoundTrip implements http.RoundTripper.
func (a *Access) RoundTrip(request *http.Request) (*http.Response, error) {
	switch path := request.URL.Path; {
	case strings.HasSuffix(path, tokenPath):
		return a.shared(request, tokenPath)
	case strings.HasSuffix(path, connectionPath):
		return a.shared(request, connectionPath)
	}
	if refusal, err := a.renew(request); refusal != nil || err != nil {
		return refusal, err
	}
	response, err := a.below.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		a.refuse(request)
	}
	return response, err
}

// shared waits for its turn and answers one of the two calls.
func (a *Access) shared(request *http.Request, path string) (*http.Response, error) {
	if err := a.take(request.Context()); err != nil {
		return nil, err
	}
	defer func() { <-a.turn }()
	body, err := readAll(request.Body)
	if err != nil {
		return nil, err
	}
	a.asked[path] = asked{request.Method, request.URL.String(), request.Header.Clone(), body}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return a.answer(request, path)
}

// answer returns the kept answer, or makes the call. The turn is held.
func (a *Access) answer(request *http.Request, path string) (*http.Response, error) {
	if answer := a.kept[path]; time.Now().Before(answer.until) {
		return answer.response(request), nil
	}
	if path == tokenPath {
		token, err := a.token(request.Context())
		if err != nil {
			return nil, &signInError{err}
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := a.below.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		delete(a.kept, tokenPath)
		return withLimitStatus(response)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	answer := kept{response.StatusCode, body, keptUntil(path, body)}
	a.kept[path] = answer
	if path == connectionPath {
		maps.DeleteFunc(a.given, func(token string, _ bool) bool { return time.Since(endOf(token)) > time.Hour })
		a.given[tokenIn(body)] = true
	}
	return answer.response(request), nil
}

// withLimitStatus gives the refusal of a call too many the status that says so: GitHub uses 403 for it as well, which
// the library passes on without the headers that tell it from a missing permission.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func withLimitStatus(response *http.Response) (*http.Response, error) {
	if response.StatusCode != http.StatusForbidden {
		return response, nil
	}
	body, err := readAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if response.Header.Get("X-RateLimit-Remaining") == "0" || response.Header.Get("Retry-After") != "" ||
		strings.Contains(string(body), "rate limit") {
		response.StatusCode, response.Status = http.StatusTooManyRequests, "429 Too Many Requests"
	}
	return response, nil
}

// keptUntil returns until when an answer is used; a time in the past for an answer that cannot be read.
func keptUntil(path string, body []byte) time.Time {
	token := tokenIn(body)
	switch {
	case token == "":
		return time.Time{}
	case path == connectionPath:
		return endOf(token).Add(-beforeEnd)
	}
	return time.Now().Add(tokenKept)
}

// tokenIn returns the token of an answer, "" if there is none.
func tokenIn(body []byte) string {
	var answer struct{ Token string }
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.Token
}

func (a *Access) take(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k kept) response(request *http.Request) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", k.status, http.StatusText(k.status)), StatusCode: k.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: request,
		Body: io.NopCloser(bytes.NewReader(k.body)), ContentLength: int64(len(k.body)),
	}
}

// endOf returns the expiry of a token, zero if it cannot be read.
func endOf(token string) time.Time {
	var claims struct {
		Ends int64 `json:"exp"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return time.Time{}
	}
	return time.Unix(claims.Ends, 0)
}

// signInError is the error of a refused sign-in.
type signInError struct{ error }

func (e *signInError) Unwrap() error { return e.error }

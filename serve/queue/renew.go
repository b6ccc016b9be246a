package queue

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// GitHub may refuse a token for the scale-set service before it expires. The library uses each token until then,
// whatever the answers are, and cannot be made to request another one: for up to an hour it could neither register a
// runner nor end its session. So this file replaces such a token in the requests.
// https://github.com/actions/scaleset/blob/v0.4.0/client.go, updateTokenIfNeeded

// asked is a request for a token, as the library has made it.
type asked struct {
	method, url string
	header      http.Header
	body        []byte
}

// isRefused reports whether GitHub has refused the token of a request, which renew can replace.
func (a *Access) isRefused(request *http.Request) bool {
	if a.take(request.Context()) != nil {
		return false
	}
	defer func() { <-a.turn }()
	good, ours := a.given[bearer(request)]
	return ours && !good
}

// refuse notes that GitHub has refused the token of a request. The library renews those of message queues itself.
func (a *Access) refuse(request *http.Request) {
	if a.take(request.Context()) != nil {
		return
	}
	defer func() { <-a.turn }()
	token := bearer(request)
	if !a.given[token] {
		return
	}
	a.given[token] = false
	if tokenIn(a.kept[connectionPath].body) == token {
		clear(a.kept)
	}
}

// renew gives a request another token if GitHub has refused its own. If GitHub refuses another one, that refusal is the
// request's answer.
func (a *Access) renew(request *http.Request) (refusal *http.Response, err error) {
	if err := a.take(request.Context()); err != nil {
		return nil, err
	}
	defer func() { <-a.turn }()
	if good, ours := a.given[bearer(request)]; good || !ours {
		return nil, nil //nolint:nilnil // there is nothing to renew
	}
	scheme := ""
	for _, path := range []string{tokenPath, connectionPath} {
		again, err := a.askAgain(request, path, scheme)
		if err != nil {
			return nil, err
		}
		response, err := a.answer(again, path)
		if err != nil || response.StatusCode >= 300 {
			return response, err
		}
		body, err := readAll(response.Body)
		if err != nil {
			return nil, err
		}
		scheme = "RemoteAuth " + tokenIn(body)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimPrefix(scheme, "RemoteAuth "))
	return nil, nil //nolint:nilnil // the request goes on
}

// askAgain returns a copy of a request of the library, with another authorization.
func (a *Access) askAgain(because *http.Request, path, authorization string) (*http.Request, error) {
	said := a.asked[path]
	again, err := http.NewRequestWithContext(because.Context(), said.method, said.url, io.NopCloser(
		bytes.NewReader(said.body)))
	if err != nil {
		return nil, err
	}
	again.Header, again.ContentLength = said.header.Clone(), int64(len(said.body))
	if authorization != "" {
		again.Header.Set("Authorization", authorization)
	}
	return again, nil
}

func bearer(request *http.Request) string {
	return strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
}

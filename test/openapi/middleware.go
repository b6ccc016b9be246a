package openapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// RoundTripper passes requests on to next and calls report for each exchange that breaks the
// description. The client sees the answer unchanged. Errors of next (a cut connection) have no
// answer to check and pass.
func (v *Validator) RoundTripper(next http.RoundTripper, report func(error)) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		sent, err := drain(&req.Body)
		if err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
		resp, err := next.RoundTrip(req)
		if err != nil {
			return resp, err
		}
		got, err := drain(&resp.Body)
		if err != nil {
			// An answer cut in its middle: the client must meet the same cut.
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(got), broken{err}))
			return resp, nil //nolint:nilerr // the answer is there; its body holds the error
		}
		if err := v.Check(req, sent, resp, got); err != nil {
			report(err)
		}
		return resp, nil
	})
}

// Handler is the same for the server's side: it stands around GitHub's half of the simulator. What
// next panics with (http.ErrAbortHandler cuts a connection) goes through unchecked.
func (v *Validator) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		sent, err := drain(&req.Body)
		if err != nil {
			http.Error(w, "read request body: "+err.Error(), http.StatusBadRequest)
			return
		}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, req)
		resp, got := recorder.Result(), recorder.Body.Bytes()
		if err := v.Check(req, sent, resp, got); err != nil {
			report(err)
		}
		for key, values := range resp.Header {
			w.Header()[key] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(got) // a client that has gone is no concern of the description
	})
}

// drain reads a body and puts an equal one in its place.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	text, err := io.ReadAll(*body)
	if closing := (*body).Close(); err == nil {
		err = closing
	}
	*body = io.NopCloser(bytes.NewReader(text))
	return text, err
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

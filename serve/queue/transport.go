package queue

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/actions/scaleset"
	"github.com/hashicorp/go-retryablehttp"
)

// Limits of a call. GitHub holds a poll for 50 s. What fails is tried again here only for as long as a job can wait.
const (
	callTimeout = 90 * time.Second
	maxTries    = 3
	firstWait   = 500 * time.Millisecond
)

// retrying returns the HTTP client for actions/scaleset. The library changes that client's retry policy while it signs
// in (it then retries 401 and 403 in every call, and races with a poll in another goroutine), so retries are made below
// it, and each of the two library clients gets its own. The library accepts only an http.Transport.
// https://github.com/actions/scaleset/blob/v0.4.0/client.go, getActionsServiceAdminConnectionRequest
func retrying(below *Access) *retryablehttp.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	transport.RegisterProtocol("https", &retrier{below})
	transport.RegisterProtocol("http", &retrier{below})
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{Transport: transport}
	client.RetryMax, client.Logger, client.ErrorHandler = 0, nil, retryablehttp.PassthroughErrorHandler
	return client
}

// retrier repeats calls without an answer, with a 5xx, or with a 401 for a token that can be replaced. It reads answers
// to their end: the library does not close one that breaks off.
type retrier struct{ below *Access }

// RoundTrip implements http.RoundTripper.
func (r *retrier) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := readAll(request.Body)
	if err != nil {
		return nil, err
	}
	ctx := request.Context()
	isRenewed := false
	for try, wait := 1, firstWait; ; try, wait = try+1, wait*2 {
		response, err := r.once(request, body)
		_, refused := errors.AsType[*signInError](err)
		answered := err == nil && response.StatusCode < 500
		if answered && response.StatusCode == http.StatusUnauthorized && !isRenewed && r.below.isRefused(request) {
			isRenewed = true // at whichever try: the answers before may have been lost
			continue
		}
		if try >= maxTries || ctx.Err() != nil || refused || answered {
			return response, err
		}
		if err := pause(ctx, wait/2+rand.N(wait)); err != nil { //nolint:gosec // spreads load, keeps no secret
			return nil, err
		}
	}
}

// once makes one exchange.
func (r *retrier) once(request *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), callTimeout)
	defer cancel()
	next := request.Clone(ctx)
	if request.Body != nil {
		next.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := r.below.RoundTrip(next)
	if err != nil {
		return nil, err
	}
	answer, err := readAll(response.Body)
	if err != nil {
		return nil, err
	}
	if isPoll(request) && response.StatusCode == http.StatusOK {
		answer = withKnownType(answer)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	return response, nil
}

func isPoll(request *http.Request) bool {
	return request.Method == http.MethodGet && request.Header.Get(scaleset.HeaderScaleSetMaxCapacity) != ""
}

// jobMessages is the only type of messages that the library reads.
const jobMessages = "RunnerScaleSetJobMessages"

// withKnownType turns a message of another type into one about no job. The library refuses it without its id, so that
// it could not be acknowledged and would come again for ever, before all that follow. Older listeners of GitHub's
// passed over such messages. https://github.com/actions/scaleset/blob/v0.4.0/client.go,
// parseRunnerScaleSetMessageResponse
func withKnownType(answer []byte) []byte {
	var message struct {
		ID         int             `json:"messageId"`
		Type       string          `json:"messageType"`
		Body       string          `json:"body"`
		Statistics json.RawMessage `json:"statistics,omitempty"`
	}
	if json.Unmarshal(answer, &message) != nil || message.ID == 0 || message.Type == jobMessages {
		return answer
	}
	message.Type, message.Body = jobMessages, ""
	known, err := json.Marshal(message)
	if err != nil {
		return answer
	}
	return known
}

// readAll reads a body, which may be nil, and closes it.
func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(body)
	return text, errors.Join(err, body.Close())
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

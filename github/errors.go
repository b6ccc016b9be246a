package github

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	gh "github.com/google/go-github/v57/github"
)

// CallError is a call that GitHub refused or that got no response. Status is 0 without a response.
type CallError struct {
	Operation string // as in "create registration token"
	Status    int
	Message   string
	RequestID string
	Scope     Scope // of the client that made it
	Class     Class
	Until     time.Time // for RateLimited: when GitHub allows the next call
	Refusal   string    // for Forbidden: the topic of the reason; may be empty
	SignOn    string    // for singleSignOn: the address at which the token can be authorized
	Accepted  string    // the permissions that GitHub would accept; may be empty
	SignIn    bool      // a GitHub App's sign-in failed: the call was not sent
	Hint      string    // what to do, if it is more specific than by class and refusal
	Err       error
}

func (e *CallError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("%s: no answer from GitHub: %s", e.Operation, e.Message)
	case e.Class == RateLimited:
		return fmt.Sprintf("%s: GitHub's rate limit is reached (%d: %s) until %s", e.Operation, e.Status, e.Message,
			e.Until.UTC().Format(time.TimeOnly+" MST"))
	case e.Class == Intercepted:
		return fmt.Sprintf("%s: not GitHub but something before it answered %d: %s", e.Operation, e.Status, e.Message)
	default:
		return fmt.Sprintf("%s: GitHub says %d: %s", e.Operation, e.Status, e.Message)
	}
}

func (e *CallError) Unwrap() error { return e.Err }

// Class is what a caller may do about an error.
type Class int

// The classes. An error that is not known to belong to another class is Other.
const (
	Other        Class = iota
	Unauthorized       // 401: the token is not valid
	Forbidden          // 403: the token may not do this
	NotFound           // 404: gone, or the token may not see it
	Conflict           // 409: the name is taken
	Invalid            // 422: invalid; must not be repeated
	RateLimited        // 403 or 429 with a limit's headers
	Unknown            // no readable response, or a 5xx: the call may have taken effect
	Intercepted        // a proxy's page: GitHub was not reached
)

// ClassOf returns the class of an error, Other if it is not a *CallError. If the sign-in failed with NotFound, Invalid
// or Conflict, the class is Other, since the call itself was not made: it says nothing about the runner.
func ClassOf(err error) Class {
	if call, ok := errors.AsType[*CallError](err); ok {
		if call.SignIn && (call.Class == NotFound || call.Class == Invalid || call.Class == Conflict) {
			return Other
		}
		return call.Class
	}
	return Other
}

// callError converts an error of go-github to a *CallError.
func callError(operation string, response *gh.Response, err error) error {
	if err == nil {
		return nil
	}
	call := &CallError{Operation: operation, Err: err, Message: innermost(err), Class: Unknown}
	if response == nil || response.Response == nil {
		return call
	}
	call.Status = response.StatusCode
	call.RequestID = response.Header.Get("X-GitHub-Request-Id")
	if said, ok := errors.AsType[*gh.ErrorResponse](err); ok && said.Message != "" {
		call.Message = said.Message
		for _, detail := range said.Errors {
			if detail.Message != "" {
				call.Message += "; " + detail.Message
			}
		}
	}
	if said, ok := errors.AsType[*gh.ErrorResponse](err); ok && call.Status >= 400 && call.Status < 500 {
		if words, isPage := interception(response, said.Response.Body); isPage {
			call.Message, call.Class = words, Intercepted
			return call
		}
	}
	call.Class = classOf(call, response.Header, err)
	if call.Class == Forbidden {
		call.Refusal, call.SignOn = refusalOf(call.Message, response.Header), signOnLink(response.Header)
	}
	call.Accepted = response.Header.Get("X-Accepted-GitHub-Permissions")
	if call.Class == RateLimited {
		call.Until = time.Now().Add(askedWait(response.Header))
	}
	return call
}

func classOf(call *CallError, header http.Header, err error) Class {
	limited, isLimited := errors.AsType[*gh.RateLimitError](err)
	abuse, isAbuse := errors.AsType[*gh.AbuseRateLimitError](err)
	switch {
	case isLimited:
		call.Message = limited.Message
		return RateLimited
	case isAbuse:
		call.Message = abuse.Message
		return RateLimited
	case call.Status == http.StatusTooManyRequests,
		call.Status == http.StatusForbidden && (header.Get("Retry-After") != "" || isSecondaryLimit(call.Message)):
		return RateLimited
	case call.Status >= 500, call.Status < 300: // a 2xx that cannot be parsed
		return Unknown
	}
	switch call.Status {
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	case http.StatusConflict:
		return Conflict
	case http.StatusUnprocessableEntity:
		return Invalid
	}
	return Other
}

// askedWait returns how long GitHub asks to wait: retry-after, else x-ratelimit-reset, else a minute.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
func askedWait(header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if header.Get("X-RateLimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Until(time.Unix(at, 0)), 0) + time.Second
		}
	}
	return time.Minute
}

// innermost returns the most specific message.
func innermost(err error) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		return dial.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

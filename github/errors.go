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

// CallError is a call that GitHub refused or that got no answer. Status is 0 when there was no answer.
type CallError struct {
	Operation string // in words: "create registration token"
	Status    int
	Message   string
	RequestID string
	Scope     Scope // of the client that made it
	Class     Class
	Until     time.Time // for RateLimited: when GitHub allows the next call
	Refusal   string    // for Forbidden: the topic of the reason, empty where GitHub gives none
	SignOn    string    // for singleSignOn: where the token can be authorized
	Accepted  string    // the permissions that GitHub would accept, where it says so
	SignIn    bool      // of a GitHub App: what the call was for was not sent
	Hint      string    // what to do, where more is known than class and refusal
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

// Class states what a caller may do about an error.
type Class int

// The classes. Whatever is not known to belong to another one is Other.
const (
	Other        Class = iota
	Unauthorized       // 401: the token is not valid
	Forbidden          // 403: the token may not do this
	NotFound           // 404: gone, or the token may not see it
	Conflict           // 409: the name is taken
	Invalid            // 422: refused as it is; never to be repeated
	RateLimited        // 403 or 429 with a limit's headers
	Unknown            // no readable answer, or a 5xx: the call may have had its effect
	Intercepted        // a proxy's page: GitHub was not reached
)

// ClassOf returns the class of an error, Other for one that is not a *CallError. Where the sign-in finds no
// installation or no permission, what the call was for was not looked for: it may well be there, idle, or not be there.
func ClassOf(err error) Class {
	if call, ok := errors.AsType[*CallError](err); ok {
		if call.SignIn && (call.Class == NotFound || call.Class == Invalid || call.Class == Conflict) {
			return Other
		}
		return call.Class
	}
	return Other
}

// callError turns an error of go-github into a *CallError.
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
	case call.Status >= 500, call.Status < 300: // an answer with success that cannot be read tells nothing
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

// askedWait is how long GitHub asks to wait: retry-after, then x-ratelimit-reset, else a minute.
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

// innermost digs out the sentence that says what happened.
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

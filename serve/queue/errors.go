package queue

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/actions/scaleset"
)

// CallError is the error of a call that GitHub has refused or not answered. Status is 0 without an answer.
type CallError struct {
	Operation string // in words: "create scale set"
	Status    int
	Message   string
	Class     Class
	Owner     string // of the session, for Held, if GitHub names it
	Err       error
}

func (e *CallError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s: %s", e.Operation, e.Message)
	}
	return fmt.Sprintf("%s: GitHub says %d: %s", e.Operation, e.Status, e.Message)
}

func (e *CallError) Unwrap() error { return e.Err }

// Class states what a caller may do about an error.
type Class int

// The classes. An error that belongs to no other class is Other.
const (
	Other       Class = iota
	Refused           // 400, 422: refused as it is
	Denied            // 401, 403: the credentials are not, or no longer, sufficient
	NotFound          // 404: gone, or not visible to the credentials
	Held              // 409: another process has the set's session
	Taken             // there is a runner of that name
	Busy              // the runner runs a job
	RateLimited       // 429
	Unknown           // no readable answer, or a 5xx: the call may have had its effect
)

// ClassOf returns the class of an error, Other for one that is not a *CallError.
func ClassOf(err error) Class {
	if call, ok := errors.AsType[*CallError](err); ok {
		return call.Class
	}
	return Other
}

// The client gives refusals as texts: request METHOD URL failed(status="409 Conflict", …): CAUSE: TYPE: MESSAGE. The
// last request is the one that was refused.
var (
	refusal = regexp.MustCompile(`(?s).*failed\(status="(\d{3})[^"]*"[^)]*\): (.*)$`)
	// "The runner scale set dev already has an active session for owner arc-7d4." Newer answers name no owner.
	// https://github.com/actions/actions-runner-controller/issues/3351 and 4285
	ownerOf = regexp.MustCompile(`active session for owner (.+?)\.?\s*$`)
)

// callError returns a *CallError for an error of the library. errors.Is still finds a context's error in it.
func callError(operation string, err error) error {
	if err == nil {
		return nil
	}
	call := &CallError{Operation: operation, Err: err, Message: "no answer from GitHub: " + err.Error(), Class: Unknown}
	if said := refusal.FindStringSubmatch(err.Error()); said != nil {
		call.Status, _ = strconv.Atoi(said[1])
		call.Message = strings.TrimPrefix(said[2], "unexpected status code: "+said[1]+": ")
	}
	call.Class = classOf(call, err)
	if refused, ok := errors.AsType[*signInError](err); ok {
		call.Class, call.Message = Denied, refused.Error()
	}
	if owner := ownerOf.FindStringSubmatch(call.Message); owner != nil && call.Class == Held {
		call.Owner = owner[1]
	}
	return call
}

func classOf(call *CallError, err error) Class {
	switch {
	case errors.Is(err, scaleset.RunnerExistsError):
		return Taken
	case errors.Is(err, scaleset.JobStillRunningError):
		return Busy
	case errors.Is(err, scaleset.RunnerNotFoundError):
		return NotFound
	case errors.Is(err, scaleset.MessageQueueTokenExpiredError):
		return Denied
	}
	if strings.Contains(call.Message, "SessionExpiredException") { // it comes as a 400
		return NotFound
	}
	switch call.Status {
	case 400, 422:
		return Refused
	case 401, 403:
		return Denied
	case 404, 410:
		return NotFound
	case 409:
		return Held
	case 429:
		return RateLimited
	}
	if call.Status == 0 || call.Status >= 500 || call.Status < 300 {
		return Unknown
	}
	return Other
}

// queryEscape escapes a text, which the library writes into a query as it is.
func queryEscape(text string) string { return url.QueryEscape(text) }

package ec2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// CallError is a call that EC2 refused or that got no answer: which call, what EC2 said, and the request id to give
// to AWS support. Code is empty when there was no answer that could be read.
type CallError struct {
	Operation string // in words: "run instances"
	Code      string // "InsufficientInstanceCapacity"
	Message   string
	Status    int
	RequestID string
	Err       error
}

func (e *CallError) Error() string {
	if e.Code == "" && IsSignIn(e.Err) {
		return fmt.Sprintf("%s: %s", e.Operation, e.Message)
	}
	if e.Code == "" && isCredentialFailure(e.Err) {
		return fmt.Sprintf("%s: the AWS SDK found no credentials: %s", e.Operation, e.Message)
	}
	if e.Code == "" {
		return fmt.Sprintf("%s: no answer from EC2: %s", e.Operation, e.Message)
	}
	return fmt.Sprintf("%s: %s: %s", e.Operation, e.Code, e.Message)
}

func (e *CallError) Unwrap() error { return e.Err }

// Reason is what EC2 said, without the name of the call: for lists where the call is known.
func Reason(err error) string {
	if denied, ok := errors.AsType[*deniedTwiceError](err); ok {
		return denied.reason()
	}
	if call, ok := errors.AsType[*CallError](err); ok && call.Code != "" {
		return call.Code + ": " + call.Message
	}
	return err.Error()
}

// callError turns an error of the SDK into a *CallError. A context's end stays visible to errors.Is.
func callError(operation string, err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := signInError(err); ok { // the call was not made: what STS says is not said of it
		return &CallError{Operation: operation, Err: err, Message: refused.Message}
	}
	call := &CallError{Operation: operation, Err: err, Message: innermost(err)}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		call.Code, call.Message = api.ErrorCode(), api.ErrorMessage()
	}
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		call.Status, call.RequestID = answer.HTTPStatusCode(), answer.ServiceRequestID()
	}
	return call
}

// innermost digs out the sentence that says what happened: the SDK wraps a refused connection six times.
func innermost(err error) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		return dial.Error()
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// Class states what a caller may do about an error.
type Class int

// The classes. Whatever is not known to belong to another one is Other: an unknown error is never taken for
// something that it may not be.
const (
	Other       Class = iota
	Capacity          // there is no room here and now: try the next offering, never the same again at once
	Throttle          // EC2 asks to slow down
	Unknown           // no readable answer: the call may have had its effect
	Credentials       // nothing will work with these credentials
	Denied            // this call is not allowed
	Tagging           // the launch is refused because of its tags
	NotFound          // EC2 said by code that there is no such thing
	Profile           // the instance profile is not known, or not yet
	Misfit            // this instance type is not to be had here at all, or does not run the image
	WrongState        // the instance's state forbids the call: it is stopping, pending or terminated
	Impossible        // EC2 does not do this to this instance: stopping one-time spot, or what is protected
	Taken             // an image of the account has this name already
	Account           // the account, its plan or its agreements do not allow it, or not yet
	Ended             // the instance of this client token is over
)

// ClassOf returns the class of an error by EC2's code, and only where there is none by the way it failed.
func ClassOf(err error) Class {
	if err == nil || errors.Is(err, errNotSent) {
		return Other
	}
	if refused, ok := signInError(err); ok {
		return refused.Class
	}
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		call, _ = errors.AsType[*CallError](callError("call", err))
	}
	if line, ok := ruleOf(call); ok {
		return line.class
	}
	return classByShape(call)
}

func classByShape(call *CallError) Class {
	switch {
	case call.Status == 429:
		return Throttle
	case call.Status >= 500:
		return Unknown
	case call.Code == "" && isCredentialFailure(call.Err):
		return Credentials
	case call.Code == "":
		// Nothing readable came back: a refused or cut connection, a time-out, an answer that is not XML.
		return Unknown
	}
	return Other
}

// isCredentialFailure reports whether the SDK found no credentials to sign with, so that nothing was sent.
func isCredentialFailure(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "get identity: ") || strings.Contains(text, "failed to retrieve credentials") ||
		strings.Contains(text, "failed to refresh cached credentials")
}

// IsEnded reports whether the caller's own context ended, so that the error says nothing about EC2.
func IsEnded(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

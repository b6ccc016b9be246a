// Package refusal classifies the errors of EC2 and STS: what a caller may do about an error (its class), to which other
// offerings it applies (its scope), and what to tell the user (its hint). See docs/adr/0015-refusals.md.
package refusal

import (
	"errors"
	"fmt"
	"net"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// CallError is a call that EC2 refused or that got no response, with EC2's message and the request id, for AWS support.
// Code is empty if no response could be read.
type CallError struct {
	Operation string // as in "run instances"
	Code      string // as in "InsufficientInstanceCapacity"
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

// Reason returns EC2's message without the name of the call, for lists in which the call is known.
func Reason(err error) string {
	if denied, ok := errors.AsType[*deniedTwiceError](err); ok {
		return denied.reason()
	}
	if call, ok := errors.AsType[*CallError](err); ok && call.Code != "" {
		return call.Code + ": " + call.Message
	}
	return err.Error()
}

// Of converts an error of the SDK to a *CallError. errors.Is still finds a context's error in it.
func Of(operation string, err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := signInError(err); ok { // the call was not made: STS's error code is not the call's
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

// innermost returns the most specific message: the SDK wraps a refused connection six times.
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

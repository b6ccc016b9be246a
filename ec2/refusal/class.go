package refusal

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Class is what a caller may do about an error.
type Class int

// The classes. An error that is not known to belong to another class is Other.
const (
	Other       Class = iota
	Capacity          // insufficient capacity: try the next offering, not the same one again
	Throttle          // too many requests: slow down
	Unknown           // no readable response: the call may have taken effect
	Credentials       // the credentials are refused for every call
	Denied            // the credentials do not allow this call
	Tagging           // the launch is refused because of its tags
	NotFound          // EC2 reports by code that the resource does not exist
	Profile           // the instance profile is unknown, perhaps only because it is new
	Misfit            // this instance type is not offered here, or does not run the image
	WrongState        // the call is not possible in the resource's state
	Impossible        // the call is not possible for this instance, such as stopping one-time spot
	Taken             // an image of the account already has this name
	Account           // the account, its plan or its agreements do not allow the call, or not yet
	Ended             // the instance of this client token has ended
)

// ClassOf returns the class of an error by EC2's code or, without one, by the way the call failed.
func ClassOf(err error) Class {
	if err == nil || errors.Is(err, ErrNotSent) {
		return Other
	}
	if refused, ok := signInError(err); ok {
		return refused.Class
	}
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		call, _ = errors.AsType[*CallError](Of("call", err))
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
		// No readable response: a refused or dropped connection, a timeout, or a body that is not XML.
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

// IsEnded reports whether the caller's own context ended, so that the error does not come from EC2.
func IsEnded(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// ErrNotSent is a call that was cancelled before it was sent, so that it had no effect.
var ErrNotSent = errors.New("cancelled before it was sent")

// DeniesRegion reports whether an error means that EC2 will not show its region: a policy denies the call, or the
// region is not enabled for the account or for this session.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
func DeniesRegion(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && (ClassOf(err) == Denied ||
		slices.Contains([]string{"AuthFailure", "InvalidClientTokenId", "OptInRequired", "PendingVerification"},
			call.Code))
}

// IsCopyLimit reports whether a region refuses a copy since its limit of concurrent snapshot copies, 20 by default, is
// reached. https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
func IsCopyLimit(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && call.Code == "ResourceLimitExceeded"
}

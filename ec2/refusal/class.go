package refusal

import (
	"context"
	"errors"
	"slices"
	"strings"
)

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

// ErrNotSent is a call that was cancelled before EC2 was asked: it leaves no doubt.
var ErrNotSent = errors.New("cancelled before it was sent")

// DeniesRegion reports whether an error says that EC2 does not let us look into its region, now and later: a policy
// denies the call, or the region is not enabled for the account or for this session.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
func DeniesRegion(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && (ClassOf(err) == Denied ||
		slices.Contains([]string{"AuthFailure", "InvalidClientTokenId", "OptInRequired", "PendingVerification"},
			call.Code))
}

// IsCopyLimit reports whether a region refuses a copy because it copies as many snapshots as it may at once: 20 by
// default. https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
func IsCopyLimit(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && call.Code == "ResourceLimitExceeded"
}

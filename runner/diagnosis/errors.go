// Package diagnosis explains failures and what to do about them: errors with hints, the evidence on a machine's
// console, and the entry in docs/troubleshooting.md for each hint. It makes no API calls.
package diagnosis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FailedError is a failure with a hint about what to do.
type FailedError struct {
	Message string
	Hint    string
	Err     error
}

func (e *FailedError) Error() string { return e.Message }

func (e *FailedError) Unwrap() error { return e.Err }

// RefusedError is a request that turns out to be invalid only after reading the account.
type RefusedError struct {
	Message string
	Hint    string
}

func (e *RefusedError) Error() string { return e.Message }

// Join joins errors, each of which may have a hint, into one.
func Join(errs []error) error {
	var messages, hints []string
	for _, err := range errs {
		messages = append(messages, err.Error())
		if hint := Hint(err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	return &FailedError{Message: strings.Join(messages, "; "), Hint: strings.Join(hints, "; "),
		Err: errors.Join(errs...)}
}

// Minutes formats a duration as machulav's action does: "5 minutes".
func Minutes(d time.Duration) string {
	return fmt.Sprintf("%g minutes", d.Minutes())
}

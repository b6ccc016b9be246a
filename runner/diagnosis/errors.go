// Package diagnosis says what went wrong and what can be done about it: errors with hints, what a machine's console
// tells, and the entry of docs/troubleshooting.md for each hint. It makes no call.
package diagnosis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FailedError is a failure of the work with a hint what to do.
type FailedError struct {
	Message string
	Hint    string
	Err     error
}

func (e *FailedError) Error() string { return e.Message }

func (e *FailedError) Unwrap() error { return e.Err }

// RefusedError is a request that can be told to be wrong only by a look at the cloud.
type RefusedError struct {
	Message string
	Hint    string
}

func (e *RefusedError) Error() string { return e.Message }

// Join makes one failure of several, each of which may have a hint.
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

// Minutes says a duration as machulav does: "5 minutes".
func Minutes(d time.Duration) string {
	return fmt.Sprintf("%g minutes", d.Minutes())
}

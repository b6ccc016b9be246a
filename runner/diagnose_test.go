package runner

import (
	"errors"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// TestBetterKeepsTheError: withHint sets the diagnosis' hint and keeps the error.
func TestBetterKeepsTheError(t *testing.T) {
	cause := &refusal.CallError{Code: "AuthFailure"}
	err := (&Failure{Message: "m", Hint: "h"}).withHint(cause)
	var failed *diagnosis.FailedError
	if !errors.As(err, &failed) || failed.Hint != "h" || !errors.Is(err, cause) {
		t.Errorf("got %#v", err)
	}
}

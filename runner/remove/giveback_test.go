package remove

import (
	"errors"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// TestAnotherNonce: another nonce belongs to another start, unless EC2 may still show the tags from before our own
// write.
func TestAnotherNonce(t *testing.T) {
	t.Parallel()
	before := func(nonce string) bool { return nonce == "before" }
	for name, c := range map[string]struct {
		nonce, state string
		before       func(string) bool
		since        time.Duration
		late         bool
	}{
		"ours":                     {"ours", ec2.Running, nil, 0, false},
		"terminated":               {"other", ec2.Terminated, nil, 0, false},
		"known, from before":       {"before", ec2.Running, before, time.Hour, true},
		"known, another start's":   {"other", ec2.Running, before, 0, false},
		"unknown, just written":    {"other", ec2.Running, nil, TagsDelay - time.Second, true},
		"unknown, after the delay": {"other", ec2.Running, nil, TagsDelay + time.Second, false},
	} {
		u := Use{Nonce: "ours", Before: c.before}
		i := ec2.Instance{State: c.state, Tags: map[string]string{key.Nonce: c.nonce}}
		err := u.checkStale(i, time.Now().Add(-c.since))
		if errors.Is(err, ErrStaleTags) != c.late {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestPermanent: an error that no retry mends is final, every other error is retried.
func TestPermanent(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"UnauthorizedOperation": true, "ExpiredToken": true, "UnsupportedOperation": true,
		"RequestLimitExceeded": false, "InternalError": false, "IncorrectInstanceState": false, "SomethingNew": false,
		"": false,
	} {
		err := Permanent(&refusal.CallError{Operation: "stop instance", Code: code})
		if _, final := errors.AsType[*backoff.PermanentError](err); final != want {
			t.Errorf("%s: final %t, want %t", code, final, want)
		}
	}
}

package simulator

import (
	"fmt"
	"maps"
	"time"
)

// The names of the services in calls and faults.
const (
	serviceEC2    = "ec2"
	serviceSTS    = "sts"
	serviceIAM    = "iam"
	serviceQuotas = "servicequotas"
	serviceGitHub = "github"
	serviceOIDC   = "oidc" // GitHub's, of Actions' own service
	// serviceActions is the one that has scale sets; its operations are called as the client's methods are.
	serviceActions = "actions"
)

// Call is one request as the world saw it.
type Call struct {
	Number    int           // from 1, over all services
	Time      time.Time     // when it was sent
	Duration  time.Duration // until its answer was there, or its end
	Service   string        // "ec2", "sts", "iam", "servicequotas", "github", "oidc", "actions"
	Operation string        // "RunInstances", or the operationId of GitHub's OpenAPI description
	Region    string        // EC2 and STS
	Scope     string        // GitHub: "owner/repo", "org" or "enterprises/name"
	Caller    string        // access key id, or token
	Params    map[string]string
	Status    int    // HTTP status that the service gave, 0 if it did not come to that
	Code      string // EC2's error code, or GitHub's message
	Fault     string // the weather, "" for none
	Acted     bool   // the service got the request and answered
	Lost      bool   // the client did not get the whole answer, or not yet
}

// journal records the calls so far.
type journal struct {
	calls     []*Call
	surprises []string
}

func (j *journal) add(c Call) *Call {
	c.Number = len(j.calls) + 1
	j.calls = append(j.calls, &c)
	return &c
}

// Calls lists every request so far, in the order of their sending.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := make([]Call, len(w.journal.calls))
	for i, c := range w.journal.calls {
		calls[i] = *c
		calls[i].Params = maps.Clone(c.Params)
	}
	return calls
}

// Surprises lists what was asked of the world that it does not model: hosts, paths, actions, parameters, filters. It
// refused them all; a test should fail when there are any, as the real services might have answered otherwise.
func (w *World) Surprises() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.journal.surprises...)
}

func (w *World) surprise(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wonder(format, args...)
}

// wonder is surprise for those who hold the lock.
func (w *World) wonder(format string, args ...any) {
	w.journal.surprises = append(w.journal.surprises, fmt.Sprintf(format, args...))
}

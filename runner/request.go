package runner

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// StartRequest is a parsed and validated start.
type StartRequest struct {
	Run       tags.Run
	Scope     string   // GitHub scope: owner/repo
	WebURL    string   // of the scope, for config.sh
	Groups    []Group  // the runners to start, at least one group
	Source    Source   // of machines that are not launched; nil if all are
	MinCount  int      // how many of them must come online; 0 for all
	Labels    []string // further labels for all
	JIT       bool     // single-use by a JIT configuration
	Ephemeral bool     // the machine ends with its job
	// DefaultLabels gives single-use runners GitHub's default labels, so that any job with `runs-on: self-hosted` can
	// take them.
	DefaultLabels bool
	GroupID       int64  // of the runner group
	GroupName     string // of the runner group, if given by name
	OwnTags       bool   // whether to set our tags at all
	Waiting       Waiting
	Debug         bool // show the console while waiting

	IdleTimeout     time.Duration
	MaxLifetime     time.Duration // 0 for none
	MaxLifetimeHard bool          // set by the user: then it ends a running job too
	KeepFailed      time.Duration // how long a machine whose setup failed stays
	KeepAfterJob    time.Duration // how long a machine stays once its single-use runner has ended
	CapacityTimeout time.Duration // how long to retry when no offering has capacity
	BySpotScore     bool          // order spot offerings by the spot placement scores of their zones
}

// Group is a number of equal runners: one element of `runners`, or the step's own inputs.
type Group struct {
	Name  string // key in the output `runners`
	Label string // empty for a random one
	Count int    // 0 counts as 1
	machine.Machine
}

func (g Group) count() int { return max(g.Count, 1) }

// Waiting says how long to wait for a runner and how often to look. Nil means that the user has not set the value.
type Waiting struct {
	QuietPeriod   *time.Duration // after the instance runs, before the first look
	RetryInterval *time.Duration
	Timeout       time.Duration
}

// defaultQuietPeriod is how long machulav's action waits before its timeout starts. This action looks at once, but
// allows the same time.
const defaultQuietPeriod = 30 * time.Second

func (w Waiting) quiet() time.Duration {
	if w.QuietPeriod != nil {
		return *w.QuietPeriod
	}
	return 0
}

// grace is how long after `running` the timeout starts.
func (w Waiting) grace() time.Duration {
	if w.QuietPeriod != nil {
		return *w.QuietPeriod
	}
	return defaultQuietPeriod
}

// RegistrationTimeout is after how long the machine itself gives up: later than the start, so that the start can report
// why.
func (w Waiting) RegistrationTimeout() time.Duration {
	return w.grace() + w.Timeout + 2*time.Minute
}

// CheckUserData returns an error if the user data does not fit, before there is a token: it assumes one as long as
// GitHub's.
func (r StartRequest) CheckUserData() error {
	for _, wanted := range r.Groups {
		g := &group{Group: wanted, label: wanted.Label, base: tags.NameOf(wanted.Label), together: !r.JIT &&
			wanted.count() > 1}
		registration := registration{name: g.base, token: tags.RandomText(tokenLength)}
		if r.JIT {
			registration.token, registration.jit = "", tags.RandomText(jitLength)
		}
		if _, err := g.spec(r, registration, survey.LikelySoftware()).UserData(); err != nil {
			return err
		}
	}
	return nil
}

// Draft returns a start that makes no API calls, with assumed answers of GitHub.
func (r StartRequest) Draft() *Start {
	st := (&Starter{}).Begin(r)
	st.offered = survey.LikelySoftware()
	return st
}

// Lengths of GitHub's secrets. A JIT configuration is about 4 KB of base64 and grows with its labels.
const (
	tokenLength = 29
	jitLength   = 4600
)

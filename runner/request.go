package runner

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// StartRequest is a start, read and checked.
type StartRequest struct {
	Run       tags.Run
	Scope     string   // of GitHub: owner/repo
	WebURL    string   // of the scope: what the runner is configured with
	Groups    []Group  // the runners to start, at least one group
	Source    Source   // of machines that are not launched; nil where all are
	MinCount  int      // how many of them must come online; 0: all
	Labels    []string // further labels for all
	JIT       bool     // single-use by a JIT configuration
	Ephemeral bool     // the machine ends with its job
	// DefaultLabels gives single-use runners GitHub's default labels, with which any job of `runs-on: self-hosted`
	// takes them.
	DefaultLabels bool
	GroupID       int64  // of the runner group
	GroupName     string // of the runner group, where it is given by name
	OwnTags       bool   // whether to set our tags at all
	Waiting       Waiting
	Debug         bool // show the console while waiting

	IdleTimeout     time.Duration
	MaxLifetime     time.Duration // 0: none
	MaxLifetimeHard bool          // the user has set it: it ends a job too
	KeepFailed      time.Duration // how long a machine whose setup failed stays
	KeepAfterJob    time.Duration // how long a machine stays once its single-use runner has ended
	CapacityTimeout time.Duration // how long to go round again when every offering is exhausted
	BySpotScore     bool          // ask for spot offerings in the order of their zones' spot placement scores
}

// Group is a number of like runners: one element of `runners`, or the step's own inputs.
type Group struct {
	Name  string // key in the output `runners`
	Label string // empty: a random one
	Count int    // 0 counts as 1
	machine.Machine
}

func (g Group) count() int { return max(g.Count, 1) }

// Waiting states how long to wait for a runner and how often to look. Nil means that the user set nothing.
type Waiting struct {
	QuietPeriod   *time.Duration // after the instance runs, before the first look
	RetryInterval *time.Duration
	Timeout       time.Duration
}

// defaultQuietPeriod is what machulav waits before its timeout's clock starts. We look at once, but give the same time.
const defaultQuietPeriod = 30 * time.Second

func (w Waiting) quiet() time.Duration {
	if w.QuietPeriod != nil {
		return *w.QuietPeriod
	}
	return 0
}

// grace is how long after `running` the timeout's clock starts.
func (w Waiting) grace() time.Duration {
	if w.QuietPeriod != nil {
		return *w.QuietPeriod
	}
	return defaultQuietPeriod
}

// RegistrationTimeout is when the machine itself gives up: later than the start does, so that the start can say why.
func (w Waiting) RegistrationTimeout() time.Duration {
	return w.grace() + w.Timeout + 2*time.Minute
}

// CheckUserData tells whether the user data will fit, before there is a token: with one as long as GitHub's are.
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

// Draft is a start that makes no call, with what GitHub offers made up.
func (r StartRequest) Draft() *Start {
	st := (&Starter{}).Begin(r)
	st.offered = survey.LikelySoftware()
	return st
}

// Lengths of what GitHub hands out. A JIT configuration is about 4 KB of base64 and grows with its labels.
const (
	tokenLength = 29
	jitLength   = 4600
)

// Package status shows what the server of scale sets is doing: metrics for Prometheus, answers for health checks, and a
// page for people. All of it is made from a Snapshot and from what the server has counted in Metrics.
package status

import "time"

// Snapshot is what the server knows at one moment. It holds no secrets.
type Snapshot struct {
	At         time.Time
	Started    time.Time // when the process began
	Version    string
	Scope      string    // of the runners: owner/repo, an organization or an enterprise
	Owner      string    // of the sessions: this installation and host
	WebURL     string    // of GitHub: https://github.com
	Looked     time.Time // when the last look began that saw EC2 and GitHub; zero while none did
	Unseen     string    // what the last look could not see; empty if it saw everything
	UnseenHint string    // what to do about that
	Reload     Reload
	Hosts      []string // names that the page may be asked for by, beside IP addresses and localhost
	Sets       []Set
	// NotInFile are sets that the file does not have, and that EC2 has machines of.
	NotInFile []NotInFile
}

// NotInFile is a set that another file has, or that was taken out of this file while no process served it. Others may
// have chosen its name.
type NotInFile struct {
	Name     string
	Machines int       // stopped ones among them
	Stopped  int       // warm machines
	Oldest   time.Time // when the oldest was launched
}

// NotInFileHint is what to do about such a set.
const NotInFileHint = "leave them alone if another file has the set; else ec2-github-runner-serve delete SET " +
	"CONFIG.yml ends those that are idle and deletes the set"

// Reload is what became of the file when it was read last.
type Reload struct {
	At      time.Time // zero: it was read at the start alone
	Problem string    // why nothing was changed; empty if the file is served
}

// Set is one scale set.
type Set struct {
	Name   string
	Labels []string
	Max    int
	Min    int
	Warm   int
	// Removed reports whether the set was taken out of the file: its idle machines end, and busy ones finish.
	Removed bool

	Session Session
	Since   time.Time // when the session began; zero without one
	Polled  time.Time // when GitHub answered a poll last; zero if never
	Problem string    // why the set is not listening
	Hint    string    // what to do about it

	Assigned, Running, Waiting int // jobs, by GitHub's count

	Paused   time.Time // until when no machine is launched, after a refusal; zero if there is no pause
	Machines []Machine
	Refusals []Refusal // the newest first
}

// Session is the state of a set's message session.
type Session string

// The states of a session.
const (
	Listening  Session = "listening"
	Standby    Session = "standby" // another process of this installation has it
	Refused    Session = "refused" // by GitHub, or another installation holds it: somebody must act
	Connecting Session = "connecting"
)

// Sessions are all states of a session.
var Sessions = []Session{Listening, Standby, Refused, Connecting}

// Machine is one machine and its runner.
type Machine struct {
	Runner   string // empty for a warm machine
	Instance string // an id; empty while it is being launched
	Type     string
	Market   string
	Region   string
	State    State
	Since    time.Time // when it was launched, or requested; zero if not known
	Job      Job
}

// State is what a machine does.
type State string

// The states of a machine.
const (
	Launching State = "launching" // registered, and requested from EC2
	Starting  State = "starting"  // EC2 has it, and its runner is not online yet
	Idle      State = "idle"      // online, without a job
	Busy      State = "busy"
	Ending    State = "ending"  // its job is over, or its registration is gone
	Warming   State = "warming" // boots once and then stops
	Stopped   State = "stopped" // warm: kept for the next jobs
)

// States are all states of a machine.
var States = []State{Launching, Starting, Idle, Busy, Ending, Warming, Stopped}

// Job is what a machine runs. Name and Repository are texts of others.
type Job struct {
	Name       string
	Repository string // owner/repo
	Run        int64
	Since      time.Time
}

// Refusal is a call that EC2 or GitHub has refused.
type Refusal struct {
	At      time.Time // the last time
	Times   int
	Message string
	Hint    string
}

// count counts a set's machines by state.
func (s Set) count() map[State]int {
	states := map[State]int{}
	for _, m := range s.Machines {
		states[m.State]++
	}
	return states
}

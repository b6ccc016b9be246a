// Package key declares the keys of the tags that instances, volumes and images of ours carry in EC2. They are the
// database: stop, post and sweep find everything by them.
package key

// Prefix is the beginning of every tag of ours.
const Prefix = "ec2-github-runner:"

// The tags of every instance.
const (
	Scope      = Prefix + "scope"
	Repository = Prefix + "repository"
	RunID      = Prefix + "run-id"
	RunAttempt = Prefix + "run-attempt"
	// StartedBy is the runner of the job that started it: by it a sweep finds the job to run again.
	StartedBy = Prefix + "started-by"
	Slot      = Prefix + "slot"
	Slots     = Prefix + "slots" // how many were launched together; each one's number is its launch index
	Nonce     = Prefix + "nonce"
	Label     = Prefix + "label"
	// ClientToken holds the client token of the launch: a spot instance may not show its own.
	ClientToken = Prefix + "client-token"
	RunnerName  = Prefix + "runner-name"
	// OtherName is the name under which the machine registers where another start's runner has RunnerName.
	OtherName = Prefix + "other-name"
	RunnerID  = Prefix + "runner-id"
	// RunnerIDs is on machines that were launched together, with the ids of all: "21-70,75".
	RunnerIDs = Prefix + "runner-ids"
	Mode      = Prefix + "mode"
	// ScaleSet is the name of the scale set that a machine serves.
	ScaleSet = Prefix + "scale-set"
	// JobReport is on machines that report on their jobs.
	JobReport = Prefix + "job-report"
	ExpiresAt = Prefix + "expires-at"
	// DueAt is when the machine itself gives up if it has not registered: until then it is on its way.
	DueAt = Prefix + "due-at"
	// KeepVolumes is on volumes alone: whether a mapping of the user's asked to keep some of this launch's volumes.
	// One that carries no "false" may have been kept for somebody.
	KeepVolumes = Prefix + "keep-volumes"
	// SuspectSince is the mark of a sweep's first look.
	SuspectSince = Prefix + "suspect-since"
	// KeptUntil states until when a machine stays for inspection: one whose start failed (keep-failed-minutes), or that
	// a stop has kept (keep-minutes). A sweep leaves it alone until then.
	KeptUntil = Prefix + "kept-until"
	// KeptFrom states when a stop kept the machine, for the first time.
	KeptFrom = Prefix + "kept-from"
	// StaysFor is on machines that end by themselves some time after their runner has: for how many minutes they stay,
	// or that they read KeptUntil.
	StaysFor = Prefix + "stays-for"
)

// The tags of pool entries.
const (
	Pool  = Prefix + "pool"         // the pool's name; it stays when the entry is claimed
	Group = Prefix + "runner-group" // whose machines do not serve another group
	// Fingerprint is a hash of what the entry was launched with: a start takes only what it would launch itself.
	Fingerprint = Prefix + "fingerprint"
	// PoolUntil is the entry's expires-at, kept while a claim has put its own in that place.
	PoolUntil = Prefix + "pool-until"
	// ClaimedAt is when the entry was claimed, and ClaimedFrom the launch time that EC2 showed then: it changes with
	// the next start, so that a claim which was never started can be told from a machine that was at work and then
	// stopped.
	ClaimedAt   = Prefix + "claimed-at"
	ClaimedFrom = Prefix + "claimed-from"
)

// The tags of existing machines.
const (
	// Found is the state in which a start found the machine: what ran before is left running.
	Found = Prefix + "found"
	// StartedAt is when EC2 says that the machine was started by us. Whoever starts it later makes that another time.
	StartedAt = Prefix + "started-at"
)

// The tags of images made by this action.
const (
	RunnerVersion = Prefix + "runner-version" // of the runner in it
	Architecture  = Prefix + "architecture"   // amd64, arm64 or cuda
	// System is the operating system of the image that it was made from, where it is known.
	System = Prefix + "system"
)

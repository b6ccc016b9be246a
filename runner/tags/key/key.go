// Package key declares the keys of the tags on this action's instances, volumes and images. Tags are the only database:
// stop, post and sweep find everything by them.
package key

// Prefix begins every key.
const Prefix = "ec2-github-runner:"

// The tags of every instance.
const (
	Scope      = Prefix + "scope"
	Repository = Prefix + "repository"
	RunID      = Prefix + "run-id"
	RunAttempt = Prefix + "run-attempt"
	// StartedBy is the name of the runner whose job started the instance: a sweep finds the job to run again by it.
	StartedBy = Prefix + "started-by"
	Slot      = Prefix + "slot"
	Slots     = Prefix + "slots" // how many were launched together; the launch index numbers them
	Nonce     = Prefix + "nonce"
	Label     = Prefix + "label"
	// ClientToken is the client token of the launch: EC2 may not show it on a spot instance.
	ClientToken = Prefix + "client-token"
	RunnerName  = Prefix + "runner-name"
	// OtherName is the name under which the machine registers if another start's runner has RunnerName.
	OtherName = Prefix + "other-name"
	RunnerID  = Prefix + "runner-id"
	// RunnerIDs lists the runner ids of machines that were launched together: "21-70,75".
	RunnerIDs = Prefix + "runner-ids"
	Mode      = Prefix + "mode"
	// ScaleSet is the name of the scale set that the machine serves.
	ScaleSet = Prefix + "scale-set"
	// JobReport is on machines that report on their jobs.
	JobReport = Prefix + "job-report"
	ExpiresAt = Prefix + "expires-at"
	// DueAt is when the machine gives up if it has not registered: until then it may still be booting.
	DueAt = Prefix + "due-at"
	// KeepVolumes is on volumes only: whether the user's block device mappings keep any volume of this launch. A volume
	// without the value "false" may have been kept on purpose.
	KeepVolumes = Prefix + "keep-volumes"
	// SuspectSince is when a sweep first found the resource unused; only a later sweep removes it.
	SuspectSince = Prefix + "suspect-since"
	// KeptUntil is until when a machine stays for inspection, because its start failed (keep-failed-minutes) or a stop
	// kept it (keep-minutes). A sweep leaves it alone until then.
	KeptUntil = Prefix + "kept-until"
	// KeptFrom is when a stop first kept the machine.
	KeptFrom = Prefix + "kept-from"
	// StaysFor is on machines that terminate themselves some time after their runner has ended: the number of minutes,
	// or StaysByTag.
	StaysFor = Prefix + "stays-for"
	// KeepAfterJob is on machines whose user asked for some time after the job: for how many minutes. A sweep leaves
	// the machine alone for so long once its runner is gone.
	KeepAfterJob = Prefix + "keep-after-job"
)

// The tags of pool entries.
const (
	Pool  = Prefix + "pool"         // the pool's name, also on claimed entries
	Group = Prefix + "runner-group" // a start claims only entries of its own runner group
	// Fingerprint is a hash of the launch parameters: a start claims only entries that equal what it would launch
	// itself.
	Fingerprint = Prefix + "fingerprint"
	// PoolUntil is the entry's own expires-at: a claim overwrites ExpiresAt.
	PoolUntil = Prefix + "pool-until"
	// ClaimedAt is when the entry was claimed, ClaimedFrom the launch time that EC2 showed then. The launch time
	// changes with every start, so that a claimed entry that was never started differs from one that ran and was
	// stopped.
	ClaimedAt   = Prefix + "claimed-at"
	ClaimedFrom = Prefix + "claimed-from"
)

// The tags of existing machines.
const (
	// Found is the state in which a start found the machine: one that was running before is left running.
	Found = Prefix + "found"
	// StartedAt is the launch time that EC2 showed after our start. It differs once anybody else has started the
	// machine.
	StartedAt = Prefix + "started-at"
)

// The tags of images made by this action.
const (
	RunnerVersion = Prefix + "runner-version" // of the runner in it
	Architecture  = Prefix + "architecture"   // amd64, arm64 or cuda
	// System is the operating system of the source image, if known.
	System = Prefix + "system"
)

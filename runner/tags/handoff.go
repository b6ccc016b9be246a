package tags

// Handoff is what start passes to stop for each runner.
type Handoff struct {
	Name             string // key in the output `runners`
	Index            int    // of the slot, starting at 0
	Label            string
	InstanceID       string
	Region           string // may be empty in stop: then it is searched
	RunnerName       string
	RunnerID         int64
	InstanceType     string
	Market           string
	AvailabilityZone string
	Mode             string // "existing": stop does not terminate it
}

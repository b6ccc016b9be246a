package tags

// Handoff is what a start gives to a stop.
type Handoff struct {
	Name             string // key in the output `runners`
	Index            int    // of the slot, from 0
	Label            string
	InstanceID       string
	Region           string // of a stop: empty where it is to be found
	RunnerName       string
	RunnerID         int64
	InstanceType     string
	Market           string
	AvailabilityZone string
	Mode             string // "existing": a stop only stops it
}

package bubble

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// LateTags has an EC2 that shows tags as late as this; -1 means at once.
func LateTags(config simulator.Config, late time.Duration) simulator.Config {
	config.Timing.TagsVisible = late
	return config
}

// Lates are how late EC2 may show tags; -1 means at once.
var Lates = []time.Duration{-1, 500 * time.Millisecond, 5 * time.Second, 10 * time.Second}

// KeysEnd is an account whose credentials end after a while.
func KeysEnd(config simulator.Config, after time.Duration) simulator.Config {
	config.Keys = []simulator.Key{{ID: "AKIADEMO", ExpiresIn: after}}
	return config
}

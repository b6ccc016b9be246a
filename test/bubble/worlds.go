package bubble

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// LateTags makes EC2 show tags that much later; -1 means at once.
func LateTags(config simulator.Config, late time.Duration) simulator.Config {
	config.Timing.TagsVisible = late
	return config
}

// Lates are delays with which EC2 may show tags; -1 means at once.
var Lates = []time.Duration{-1, 500 * time.Millisecond, 5 * time.Second, 10 * time.Second}

// KeysEnd is an account whose credentials expire after a while.
func KeysEnd(config simulator.Config, after time.Duration) simulator.Config {
	config.Keys = []simulator.Key{{ID: "AKIADEMO", ExpiresIn: after}}
	return config
}

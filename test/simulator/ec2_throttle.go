package simulator

import "time"

// bucket is a token bucket, filled by the clock.
type bucket struct {
	level float64
	at    time.Time
}

// size is how much a bucket holds and how much a second brings.
type size struct{ most, refill float64 }

// EC2's request buckets per account, region and action:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
var (
	bucketSizes = map[string]size{
		"RunInstances":       {5, 2},
		"TerminateInstances": {100, 5},
		"StartInstances":     {5, 2},
		"CreateTags":         {100, 10},
		"GetConsoleOutput":   {100, 10},
	}
	describeSize  = size{100, 20}
	wholeListSize = size{50, 10}
	mutatingSize  = size{50, 5}
	// instancesSize is the resource bucket of RunInstances: a token an instance.
	instancesSize = size{1000, 2}
)

// take takes n tokens out of the named bucket and tells whether there were enough.
func (c *cloud) take(name string, s size, n float64) bool {
	b := c.buckets[name]
	if b == nil {
		b = &bucket{level: s.most, at: c.w.now}
		c.buckets[name] = b
	}
	b.level = min(s.most, b.level+s.refill*c.w.now.Sub(b.at).Seconds())
	b.at = c.w.now
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}

// throttle counts a call against its buckets.
func (c *cloud) throttle(x *exchange, a action) *ec2Error {
	if c.w.cfg.Unlimited {
		return nil
	}
	s, own := bucketSizes[a.bucket]
	switch {
	case own:
	case a.mutating:
		s = mutatingSize
	case x.params["MaxResults"] == "" && x.params["Filter.1.Name"] == "" && x.params["InstanceId.1"] == "":
		s = wholeListSize
	default:
		s = describeSize
	}
	if !c.take(x.region+" "+x.operation, s, 1) {
		return errThrottled
	}
	return nil
}

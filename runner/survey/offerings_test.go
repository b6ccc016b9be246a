package survey

import (
	"fmt"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// BenchmarkOfferings combines two markets and twenty types with fifty placements.
func BenchmarkOfferings(b *testing.B) {
	m := machine.Machine{Markets: []string{machine.Spot, machine.OnDemand}}
	for n := range 20 {
		m.InstanceTypes = append(m.InstanceTypes, fmt.Sprintf("m%d.xlarge", n))
	}
	var placements []machine.Placement
	for n := range 50 {
		placements = append(placements, machine.NewPlacement("us-east-1", "ami-1", fmt.Sprintf("subnet-%d", n), "sg-1"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := len(Offerings(m, placements)); got != 2*20*50 {
			b.Fatalf("%d offerings", got)
		}
	}
}

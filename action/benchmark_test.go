package action

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse reads the inputs of an ordinary start, and of one with fifty elements in `runners`.
func BenchmarkParse(b *testing.B) {
	var elements strings.Builder
	for n := range 50 {
		fmt.Fprintf(&elements,
			"- {name: r%d, ec2-instance-type: [t3.xlarge, m5.xlarge], market-type: 'spot,on-demand', count: 4}\n", n)
	}
	for _, c := range []struct {
		name   string
		getenv func(string) string
	}{
		{"ordinary", with("aws-resource-tags", `[{"Key": "Name", "Value": "ec2-github-runner"}]`, "packages",
			`["git", "docker.io"]`)},
		{"runners=50", with("runners", elements.String())},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(c.getenv); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

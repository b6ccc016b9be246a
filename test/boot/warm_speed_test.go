//go:build boottest

package boot

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// TestWarmSpeed: the time from the container's start to online, of a warm machine's second boot against a first start
// that downloads, one after the other. Medians over the pairs, so that a slow minute of the host does not matter.
func TestWarmSpeed(t *testing.T) {
	large, err := tarball(parts.dir, parts.machine, newest, largeTarball)
	must(t, err)
	sum, err := fileSum(large)
	must(t, err)
	fast := func(p *plan.Plan) {
		p.Tarball, p.Rate, p.Connecting = large, 80e6, time.Second
	}
	images := map[string]string{"Debian 12": parts.bookworm}
	if *pairs > 1 {
		images["Debian 13"] = parts.trixie
	}
	for name, image := range images {
		t.Run(name, func(t *testing.T) {
			w := warmed{name: name, image: image, both: func(s *bootstrap.Spec) { s.Software = software(sum) },
				atWarmUp: fast}
			kept := w.warmUp(t)
			var cold, warm []time.Duration
			for n := range max(2, *pairs) {
				s := byJIT()
				s.Software, s.Name = software(sum), fmt.Sprint("ec2-", n)
				p := ordinary()
				fast(&p)
				i := boot(t, launch{image: image, source: "Ec2", userData: userData(t, s), plan: p})
				cold = append(cold, i.wait("online", soon).At-i.start)
				i.sh("systemctl poweroff || :")
				i.waitOff(soon)
				p.InstanceID, p.Tarball = kept.id, "/boottest/cache/"+filepath.Base(large)
				kept.give(p, userData(t, s))
				kept.on()
				warm = append(warm, kept.wait("online", soon).At-kept.start)
				kept.sh("systemctl poweroff || :")
				kept.waitOff(soon)
			}
			ratio := median(warm).Seconds() / median(cold).Seconds()
			t.Logf("%s: cold %.2f s (%.1f to %.1f), warm %.2f s (%.1f to %.1f), warm / cold %.2f", name,
				median(cold).Seconds(), slices.Min(cold).Seconds(), slices.Max(cold).Seconds(), median(warm).Seconds(),
				slices.Min(warm).Seconds(), slices.Max(warm).Seconds(), ratio)
			if ratio > 0.6 {
				t.Errorf("a warm machine takes %.2f of a cold start, want at most 0.6", ratio)
			}
		})
	}
}

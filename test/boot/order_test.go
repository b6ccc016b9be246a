//go:build boottest

package boot

import (
	"slices"
	"strings"
	"testing"
)

// held delays cloud-init's config stage until that event is in the journal, and three seconds more, in which a runner
// that does not wait for the stage would be started too early. It gives up after some time, so that what comes only
// after the stage comes at all, in the wrong order. The stage logs when it begins and ends. It is delayed by Ubuntu's
// seeding, after which not every Debian orders it.
func held(until string) string {
	return `cat >/etc/systemd/system/snapd.seeded.service <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/bin/timeout 120 /bin/bash -c \
  'until grep -q "What.:.` + until + `" /boottest/out/events; do sleep 0.1; done'
ExecStart=/bin/sleep 3
[Install]
WantedBy=multi-user.target
UNIT
ln -sf /etc/systemd/system/snapd.seeded.service /etc/systemd/system/multi-user.target.wants/
mkdir -p /etc/systemd/system/cloud-config.service.d
cat >/etc/systemd/system/cloud-config.service.d/journal.conf <<'UNIT'
[Unit]
After=snapd.seeded.service
[Service]
ExecStartPre=/boottest/machine event "config stage begins"
ExecStartPost=/boottest/machine event "config stage ends"
UNIT
`
}

// TestOrder: on an image that is not ours the runner is downloaded and configured before cloud-init's config stage, and
// started after it.
func TestOrder(t *testing.T) {
	inOrder := func(want ...string) func(*testing.T, *instance) {
		return func(t *testing.T, i *instance) {
			t.Helper()
			i.wait("job a succeeded", soon)
			var got []string
			for _, e := range i.events() {
				if slices.Contains(want, e.What) {
					got = append(got, e.What)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("it happened in the order\n%s, want\n%s", strings.Join(got, ", "), strings.Join(want, ", "))
			}
		}
	}
	const begins, ends, starts, online = "config stage begins", "config stage ends", "listener starts", "online"
	byToken := inOrder("download begins", "download ends", "registered", begins, ends, starts, online, "job a begins")
	byJIT := inOrder("download begins", "download ends", begins, ends, starts, online, "job a begins")
	runAll(t, []scenario{
		{name: "by token", before: held("registered"), plan: job("echo"), check: byToken},
		{
			name: "by JIT, on the next Debian", image: parts.trixie, jit: true, before: held("download ends"),
			plan:  job("echo"),
			check: byJIT,
		},
	})
}

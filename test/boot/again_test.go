//go:build boottest

package boot

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// TestSecondBoot: a reboot with a job before, during and after it.
func TestSecondBoot(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"NoCloud", "Ec2"} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			s := byToken()
			s.PreRunnerScript = "echo run >>/scripts\nexport A='of the first boot'\nmkdir -p /srv/r\ncd /srv/r\n"
			s.Packages = []string{"egr-sample"}
			p := ordinary()
			p.Jobs = []plan.Job{{Name: "a", Script: "echo $A"}, {Name: "b", Script: "sleep 100", After: time.Second},
				{Name: "c", Script: "echo $A; pwd; wc -l </scripts"}}
			i := boot(t, launch{image: parts.bookworm, source: source, userData: userData(t, s), plan: p})
			says("of the first boot")(t, i)
			i.wait("job b begins", soon)
			first := i.phases()
			i.sh("systemctl reboot || :")
			i.again()
			if got := i.wait("job c succeeded", soon).Detail; got != "of the first boot\n/srv/r/_work\n1" {
				t.Errorf("the third job says %q", got)
			}
			for _, what := range []string{"registered", "download begins"} {
				if e, ok := i.find(what); ok {
					t.Errorf("at the second boot: %+v", e)
				}
			}
			i.keepsPromise(t, false)
			t.Logf("second boot (%s): %s || %s", source, first, i.phases())
		})
	}
}

// TestOtherUserData: new user data on the same instance is a new start, as for warm machines.
func TestOtherUserData(t *testing.T) {
	t.Parallel()
	i := boot(t, launch{image: parts.bookworm, source: "Ec2", userData: userData(t, byToken()), plan: ordinary()})
	comesOnline(t, i)
	i.sh("systemctl poweroff || :")
	i.waitOff(soon)
	s := byJIT()
	s.Ephemeral = true
	p := ordinary()
	p.InstanceID = i.id
	p.Jobs = []plan.Job{{Name: "a", Script: "echo new"}}
	p.Tarball = "/boottest/cache/" + filepath.Base(p.Tarball)
	i.give(p, userData(t, s))
	must(t, i.forget())
	i.on()
	says("new")(t, i)
	i.waitOff(soon)
	i.keepsPromise(t, true)
	t.Logf("new user data: %s", i.phases())
}

// TestImageOfAUsedMachine: the image contains nothing of ours but the runner's folder, and its machines start from the
// beginning.
func TestImageOfAUsedMachine(t *testing.T) {
	t.Parallel()
	s := byToken()
	s.Service = true
	i := boot(t, launch{image: parts.bookworm, userData: userData(t, s), plan: ordinary()})
	comesOnline(t, i)
	i.waitConsole("the runner is online")
	i.sh("systemctl poweroff || :")
	i.waitOff(soon)
	tag := "egr/boottest-used:" + i.name
	_, err := engine("commit", i.name, tag)
	must(t, err)
	t.Cleanup(func() {
		if _, err := engine("rmi", "--force", tag); err != nil {
			t.Error(err)
		}
	})
	left, err := engine("run", "--rm", "--network", "none", tag, "bash", "-c",
		"find / -xdev \\( -name '*ec2-github*' -o -name 'actions.runner*' \\) -not -path '/proc/*' -not -path "+
			"'/actions-runner/*' -not -path '/var/lib/cloud/instances/"+i.id+"/*'")
	must(t, err)
	if left != "" {
		t.Errorf("the image carries %s", left)
	}
	other := byToken()
	other.Name = "ec2-other"
	p := ordinary()
	job("echo here")(&p)
	n := boot(t, launch{image: tag, userData: userData(t, other), plan: p})
	if got := n.wait("registered", soon).Detail; !strings.HasPrefix(got, "ec2-other ") {
		t.Errorf("registered %q", got)
	}
	says("here")(t, n)
	if e, ok := n.find("download begins"); ok {
		t.Errorf("it downloads although the runner is there: %+v", e)
	}
	n.keepsPromise(t, false)
	t.Logf("image of a used machine: %s", n.phases())
}

// TestTwoCallers: running cloud-init's stage again by hand starts nothing twice. And the check of a machine some time
// after its case detects one that is off by mistake.
func TestTwoCallers(t *testing.T) {
	t.Parallel()
	i := boot(t, launch{image: parts.bookworm, userData: userData(t, byToken()), plan: ordinary()})
	comesOnline(t, i)
	i.sh("INSTANCE_ID=" + i.id + " bash /var/lib/cloud/instance/boothooks/part-001")
	i.keepsPromise(t, false)
	if got := i.online(); got != 1 {
		t.Errorf("online %d times", got)
	}
	i.sh("systemctl --no-block poweroff")
	i.poll("power off", soon, 500*time.Millisecond, i.off)
	if err := i.brokenPromise(false); err == nil {
		t.Error("the check does not detect a machine that is off by mistake")
	}
}

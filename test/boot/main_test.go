//go:build boottest

package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

const jitName = "ec2-k3x9a"

// jit is as long as a real configuration.
var jit = jitFor("12")

// jitFor returns the configuration of the runner with that number at GitHub.
func jitFor(agent string) string {
	return plan.EncodeJIT(plan.Settings{AgentID: agent, AgentName: jitName, Ephemeral: "True", DisableUpdate: "False",
		WorkFolder: "_work"},
		noise(2000))
}

func noise(n int) string {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[x%64]
	}
	return string(b)
}

// parts are what all cases share.
var parts struct {
	dir, own                   string // kept between runs; of this run
	vendors                    string // a folder in dir: what machines install
	machine, initScript        string
	bullseye, bookworm, trixie string // images with nothing of GitHub's
	dnf                        string // the same, with a dnf
	// The small runner in /opt/runner, an outdated one there, one in /actions-runner, one in /opt/actions-runner.
	preinstalled, old, whole, ours string
	authority                      string // PEM
	small, smallSum, next          string
	large                          string
	hostKey, keygen                []byte // an RSA key in PEM, and what gives it to machines that are not timed
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	// Another run at the same time must not change this.
	parts.own, err = os.MkdirTemp("", "boottest")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(parts.own)) }()
	if err := makeParts(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func makeParts() (err error) {
	if os.Getenv("DOCKER_HOST") == "" {
		return fmt.Errorf("DOCKER_HOST is not set: run the tests with `scripts/engine with go test ...`")
	}
	if err := countWatches(); err != nil {
		return err
	}
	note := func(e error) {
		if err == nil {
			err = e
		}
	}
	keep := func(to *string) func(string, error) {
		return func(s string, e error) { *to = s; note(e) }
	}
	p := &parts
	keep(&p.dir)(cacheDir())
	note(certificates(p.own))
	keepBytes := func(to *[]byte) func([]byte, error) {
		return func(b []byte, e error) { *to = b; note(e) }
	}
	keepBytes(&p.hostKey)(makeHostKey())
	keepBytes(&p.keygen)(os.ReadFile("ssh-keygen.sh"))
	keep(&p.machine)(buildMachine(p.own))
	keep(&p.initScript)(filepath.Abs("init.sh"))
	keep(&p.bullseye)(baseImage("boot-bullseye"))
	keep(&p.bookworm)(baseImage("boot"))
	keep(&p.trixie)(baseImage("boot-trixie"))
	keep(&p.dnf)(baseImage("boot-dnf"))
	if err != nil {
		return err
	}
	keep(&p.vendors)(vendorFolder(p.dir))
	keep(&p.small)(tarball(p.dir, p.machine, newest, smallTarball))
	keep(&p.smallSum)(fileSum(p.small))
	var previous string
	keep(&previous)(tarball(p.dir, p.machine, outdated, smallTarball))
	keep(&p.next)(tarball(p.dir, p.machine, newer, smallTarball))
	if err != nil {
		return err
	}
	keep(&p.preinstalled)(imageWith(p.bookworm, p.small, "/opt/runner"))
	keep(&p.old)(imageWith(p.bookworm, previous, "/opt/runner"))
	keep(&p.whole)(imageWith(p.bookworm, p.small, "/actions-runner"))
	keep(&p.ours)(imageWith(p.bookworm, p.small, "/opt/actions-runner"))
	pem, e := os.ReadFile(filepath.Join(p.own, "ca.pem"))
	note(e)
	p.authority = string(pem)
	return err
}

// ordinary is a plan without faults and with a quick runner.
func ordinary() plan.Plan {
	return plan.Plan{
		Version: newest, JIT: jit, LaunchIndex: "3", Tarball: parts.small, Rate: 80 << 20,
		Configuring: 200 * time.Millisecond, Connecting: 100 * time.Millisecond, Vendors: "/boottest/vendors",
	}
}

func software(sum string) []bootstrap.Software { return softwareOf(newest, sum) }

func softwareOf(version, sum string) []bootstrap.Software {
	return []bootstrap.Software{{
		Architecture: "x64", Version: version, SHA256: sum,
		URL: "https://github.com/actions/runner/releases/download/v" + version + "/actions-runner-linux-x64-" +
			version + ".tar.gz",
	}}
}

// byToken and byJIT are the two ordinary machines.
func byToken() bootstrap.Spec {
	return bootstrap.Spec{
		URL: plan.Scope, Name: jitName, Labels: []string{"k3x9a"}, Token: plan.Token,
		Software: software(parts.smallSum), RegistrationTimeout: 5 * time.Minute,
	}
}

func byJIT() bootstrap.Spec {
	s := byToken()
	s.Token, s.JITConfig = "", jit
	return s
}

func userData(t testing.TB, s bootstrap.Spec) []byte {
	t.Helper()
	data, err := s.UserData()
	must(t, err)
	return data
}

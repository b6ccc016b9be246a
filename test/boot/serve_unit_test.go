//go:build boottest

package boot

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	serveExample = "../../examples/scale-set/"
	serveService = "ec2-github-runner-serve.service"
)

// servePlace is a booted Debian with the scale-set server, its unit and its file, as in docs/scale-sets.md.
type servePlace struct {
	t    *testing.T
	name string
}

// TestServeUnit starts ec2-github-runner-serve with the example's unit under a real systemd: it works with the
// hardening, its user can read the key that systemd passes, it is restarted after a kill, reloads its file, refuses an
// invalid one for good, and stops in order. Neither AWS nor GitHub is reachable: it waits for AWS.
func TestServeUnit(t *testing.T) {
	t.Parallel()
	p := bootServe(t)
	p.sh("systemctl daemon-reload && systemctl start " + serveService)
	p.until("AWS does not answer",
		func(log string) bool { return strings.Contains(log, `"msg":"AWS does not answer"`) })
	status := p.sh("cat /proc/$(systemctl show --property MainPID --value " + serveService + ")/status")
	for _, line := range []string{"CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, line) {
			t.Errorf("the process has no %q:\n%s", line, status)
		}
	}
	// It scores 1.2 of 10; 10 is a service without any hardening.
	p.sh("systemd-analyze security --no-pager --threshold=15 " + serveService)
	if out := p.check(); strings.Contains(out, "cannot be read") {
		t.Errorf("beside the unit root cannot check the file:\n%s", out)
	}
	p.sh("systemctl reload " + serveService)
	p.until("read again", func(log string) bool { return strings.Contains(log, "the file was read again") })
	p.sh("systemctl kill --signal KILL " + serveService)
	p.until("started again", func(log string) bool { return strings.Count(log, "Started "+serveService) == 2 })
	begun := time.Now()
	p.sh("systemctl stop " + serveService)
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if got := p.property("Result"); got != "success" {
		t.Errorf("it ended with %s", got)
	}
	if out := p.check(); !strings.Contains(out, "app-private-key-file") || !strings.Contains(out, "cannot be read") {
		t.Errorf("the key is still there without the unit, which docs/scale-sets.md denies:\n%s", out)
	}
	p.sh("echo 'maximum: 1' >>/etc/ec2-github-runner/sets.yml; systemctl start " + serveService)
	p.until("refused", func(log string) bool { return strings.Contains(log, `the file has no key "maximum"`) })
	pause(6 * time.Second) // longer than RestartSec
	if got := p.property("ActiveState") + " " + p.property("ExecMainStatus"); got != "failed 2" {
		t.Errorf("with a wrong file it is %s, want failed 2", got)
	}
}

// bootServe boots a machine and installs what the page says.
func bootServe(t *testing.T) *servePlace {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "program"), "../../cmd/serve")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sets, err := os.ReadFile(serveExample + "sets.yml")
	must(t, err)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	etc := filepath.Join(dir, "etc")
	must(t, os.Mkdir(etc, 0o755))
	must(t, os.WriteFile(filepath.Join(etc, "sets.yml"), sets, 0o644))
	must(t, os.WriteFile(filepath.Join(etc, "app.pem"), pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600))
	elsewhere := filepath.Join(dir, "elsewhere.conf") // for machines without an instance role
	must(t, os.WriteFile(elsewhere, []byte("[Service]\nEnvironment=AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b "+
		"AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_EC2_METADATA_DISABLED=true\n"), 0o644))

	image, err := baseImage("boot")
	must(t, err)
	p := &servePlace{t, fmt.Sprintf("egr-boottest-%s-%d", strings.ToLower(t.Name()), os.Getpid())}
	p.engine("create", "--name", p.name, "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt",
		"seccomp=unconfined", "--network", "none", "--tmpfs", "/run", "--tmpfs", "/tmp:exec", "--cgroupns", "host",
		"--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--env", "container=docker", image, "/sbin/init")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("journal:\n%s", p.log())
		}
		p.engine("rm", "--force", "--volumes", p.name)
	})
	for from, to := range map[string]string{
		filepath.Join(dir, "program"): "/usr/local/bin/ec2-github-runner-serve", etc: "/etc/ec2-github-runner",
		serveExample + serveService: "/etc/systemd/system/",
	} {
		p.engine("cp", from, p.name+":"+to)
	}
	p.engine("start", p.name)
	// systemd passes keys by a mount of its own, which must reach the other processes. On a real machine it does.
	p.sh("until systemctl is-system-running | grep -qE 'running|degraded'; do sleep 0.2; done; mount --make-rshared " +
		"/; mkdir /etc/systemd/system/" + serveService + ".d")
	p.engine("cp", elsewhere, p.name+":/etc/systemd/system/"+serveService+".d/")
	return p
}

// check runs the program's check as root, as docs/scale-sets.md does, for as long as it reads its files.
func (p *servePlace) check() string {
	p.t.Helper()
	return p.sh("AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_MAX_ATTEMPTS=1 " +
		"AWS_ENDPOINT_URL=http://127.0.0.1:1 timeout 5 /usr/local/bin/ec2-github-runner-serve check " +
		"/etc/ec2-github-runner/sets.yml 2>&1 || true")
}

func (p *servePlace) engine(args ...string) string {
	p.t.Helper()
	out, err := engine(args...)
	must(p.t, err)
	return out
}

func (p *servePlace) sh(script string) string {
	p.t.Helper()
	return p.engine("exec", p.name, "sh", "-c", script)
}

// log returns the output of systemd and the program.
func (p *servePlace) log() string { return p.logOf(serveService) }

func (p *servePlace) logOf(unit string) string {
	out, _ := engine("exec", p.name, "journalctl", "--unit", unit, "--no-pager", "--output", "cat")
	return out
}

func (p *servePlace) property(name string) string {
	p.t.Helper()
	return p.sh("systemctl show --value --property " + name + " " + serveService)
}

func (p *servePlace) until(what string, is func(log string) bool) {
	p.t.Helper()
	p.untilWithin(30*time.Second, what, is)
}

func (p *servePlace) untilWithin(limit time.Duration, what string, is func(log string) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(limit); !is(p.log()); pause(300 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

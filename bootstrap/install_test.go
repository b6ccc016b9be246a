package bootstrap_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// manager is a package manager in a test: the system's os-release, the program's name, and shell code that each call
// runs.
type manager struct{ osRelease, program, script string }

var (
	aptLike = manager{"ID=ubuntu\nID_LIKE=debian\n", "apt-get", ""}
	dnfLike = manager{"ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "dnf", ""}
)

func (m manager) doing(script string) manager {
	m.script = script
	return m
}

// world is the rest of the machine. Its clock advances only when a command sleeps or calls `takes SECONDS`.
const world = `
EGR_LOG=$PWD/log
exec >>$EGR_LOG 2>&1
egr_log() { echo "$* ($(<clock) s)" >>console; echo "$*"; }
egr_read_uptime() { EGR_UPTIME=$(<clock); }
egr_print_part() { printf '%s\0' egr-one egr-two; }
ldconfig() { :; }
sleep() { ./takes "$1"; }
`

// install runs shell with the chapters that install packages, and returns the console.
func install(t *testing.T, m manager, shell string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"os-release": m.osRelease, "clock": "0\n", "bin/" + m.program: "#!/bin/bash\necho call " +
			">>calls\n" + m.script + "\n",
		"bin/dpkg": "#!/bin/sh\n", "bin/installdependencies.sh": "#!/bin/bash\napt-get install libicu || exit 1\n",
		"takes": "#!/bin/bash\necho $(($(<clock) + $1)) >clock\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chapters := strings.ReplaceAll(bootstrap.Chapters("log", "install", "libraries", "packages"), "/etc/os-release",
		dir+"/os-release")
	command := exec.Command("bash", "-c", chapters+world+shell)
	command.Dir, command.Env = dir, append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	console, err := os.ReadFile(filepath.Join(dir, "console"))
	if err != nil {
		t.Fatal(err)
	}
	return string(console)
}

// TestKilledPackageManager: the console names the program that the kernel killed, whichever program called it.
func TestKilledPackageManager(t *testing.T) {
	t.Parallel()
	const dies = "[ $(wc -l <calls) != 1 ] || kill -9 $$"
	for name, c := range map[string]struct {
		manager manager
		shell   string
	}{
		"dnf, for libicu":                 {dnfLike.doing(dies), "egr_install_libraries"},
		"dnf, for packages":               {dnfLike.doing(dies), "egr_install_packages"},
		"apt-get, in the runner's script": {aptLike.doing(dies), "egr_install_libraries"},
		"apt-get, for the lists":          {aptLike.doing(dies), "egr_install_packages"},
		"apt-get, for packages": {aptLike.doing("[ \"$4\" = update ] || { echo >>installs; [ $(wc -l <installs) " +
			"!= 1 ] || kill -9 $$; }"), "egr_install_packages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			console := install(t, c.manager, c.shell)
			if want := "installing again: error: " + c.manager.program +
				" was killed: too little memory ("; !strings.Contains(console, want) {
				t.Errorf("the console does not say %q:\n%s", want, console)
			}
		})
	}
}

// TestPackagesWaitTwoMinutes: all calls together are retried for two minutes after the first failure, however long each
// takes; after that each is tried once.
func TestPackagesWaitTwoMinutes(t *testing.T) {
	t.Parallel()
	const slow = "./takes 50; echo 'E: Could not get lock /var/lib/dpkg/lock-frontend'; exit 100"
	for name, c := range map[string]struct {
		manager manager
		shell   string

		last string
	}{
		"each call takes long": {aptLike.doing(slow), "egr_install_packages", "installed packages (3"},
		"each call takes short": {aptLike.doing("echo 'E: Could not get lock'; exit 100"), "egr_install_packages",
			"installed packages (120 s)"},
		"libicu": {dnfLike.doing(slow), "egr_install_libraries",
			"warning: package libicu is not installed: E: Could not get lock /var/lib/dpkg/lock-frontend (2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			console := install(t, c.manager, c.shell)
			lines := strings.Split(strings.TrimSpace(console), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, c.last) || len(last) > len(c.last)+len("00 s)") {
				t.Errorf("it ends with %q, want %q…:\n%s", last, c.last, console)
			}
		})
	}
}

// TestWhyPackagesFail: the reason is the package manager's own error, not a package whose name looks like one.
func TestWhyPackagesFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ said, want string }{
		"apt":             {"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7", ""},
		"dpkg":            {"dpkg: error: dpkg frontend lock was locked by another process with pid 7", ""},
		"dpkg, a package": {"dpkg: error processing package egr-one (--configure):", ""},
		"dnf":             {"Error: Failed to download metadata for repo 'amazonlinux'", ""},
		"rpm": {"RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource " +
			"temporarily unavailable)", ""},
		"another dnf": {"metadata already locked by 14\n  The application with PID 14 is: dnf\n    " +
			"State  : Sleeping", "metadata already locked by 14"},
		"a package's name": {"Get:1 http://deb.debian.org libgpg-error0 amd64 1.46-1\nSelecting previously " +
			"unselected package libblockdev3.\nE: Failed to fetch " +
			"http://deb.debian.org/x  404", "E: Failed to fetch http://deb.debian.org/x  404"},
		"a list of packages": {"The following NEW packages will be installed:\n  libgpg-error0 " +
			"libio-lockedfile-perl\n(1/2): libgpg-error-1.42.rpm\nError: Curl error (28): " +
			"Timeout was reached", "Error: Curl error (28): Timeout was reached"},
		"no error that is known": {"apt-get failed somehow", ""},
		"the first error":        {"E: one\nE: two", "E: one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := c.want
			if want == "" {
				want = c.said
			}
			console := install(t, aptLike.doing("[ $(wc -l <calls) != 1 ] || { cat <<'X'\n"+c.said+"\nX\nexit 1; }"),
				"egr_install_packages")
			if want := "installing again: " + want + " ("; !strings.Contains(console, want) {
				t.Errorf("the console does not say %q:\n%s", want, console)
			}
		})
	}
}

// TestNewestHasATimeout: a server that accepts the connection and never responds does not block the machine for ever.
func TestNewestHasATimeout(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	dir := t.TempDir()
	code := strings.NewReplacer("/run/ec2-github-runner", dir, "-m 20 ", "-m 0.2 ", "sleep 2", "sleep 0.1", "< 60",
		"< 3").Replace(bootstrap.Chapters("newest"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", code+`
egr_log() { echo "$*"; }
curl() { exec curl --connect-to "::$silent" "$@"; }
silent=`+silent.Addr().String()+`
egr_find_newest x64`)
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("it waits for ever:\n%s", out)
	}
	if why, _ := os.ReadFile(filepath.Join(dir, "why")); err == nil || !strings.Contains(string(why), "curl: (28) ") {
		t.Errorf("%v: it says %q and gives as the reason %q", err, out, why)
	}
}

package ami

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pluginWorld replaces the programs of a machine with Amazon Linux 2023: a docker whose plugins are files, and GitHub's
// releases, with the file names and checksum formats of docker/buildx and docker/compose.
const pluginWorld = `
docker() {
  [ "$2" = version ] || return 64
  local at
  for at in "$ROOT/usr/local/lib/docker/cli-plugins" "$ROOT/usr/libexec/docker/cli-plugins"; do
    if [ -e "$at/docker-$1" ]; then cat "$at/docker-$1"; return; fi
  done
  return 1
}
install() { command install "${@:1:$#-1}" "$ROOT${*: -1}"; }
cd() { command cd "$ROOT$1"; }
uname() { echo "$MACHINE"; }
egr_retry_times() { "${@:2}"; }
egr_fail() { echo "$*"; exit 1; }
curl() {
  echo "${*: -1}" >>"$ROOT/asked"
  case ${*: -1} in
    */buildx/releases/latest) echo https://github.com/docker/buildx/releases/tag/v0.36.0 ;;
    */buildx-v0.36.0.linux-*) echo 'github.com/docker/buildx v0.36.0 abc' >"${*: -2:1}" ;;
    */checksums.txt) for each in amd64 arm64; do sum "$each" "github.com/docker/buildx v0.36.0 abc" "  ` +
	`buildx-v0.36.0.linux-$each"; done >"${*: -2:1}" ;;
    */docker-compose-linux-*.sha256) sum "$MACHINE" 'Docker Compose version v5.0.1' " ` +
	`*docker-compose-linux-$MACHINE" >"${*: -2:1}" ;;
    */docker-compose-linux-*) echo 'Docker Compose version v5.0.1' >"${*: -2:1}" ;;
    *) return 22 ;;
  esac
}
sum() { echo "$(echo "${BAD-}$2" | sha256sum | head -c 64)$3"; }
set -eE -o pipefail
`

// TestPluginsOfAmazonLinux: compose is installed if it is missing, and a buildx that is recent enough for it.
func TestPluginsOfAmazonLinux(t *testing.T) {
	t.Parallel()
	const compose, buildx = "https://github.com/docker/compose/releases/latest/download/docker-compose-linux-",
		"https://github.com/docker/buildx/releases/"
	for name, c := range map[string]struct {
		machine, buildx, compose, bad string
		asked                         []string
		fails                         string
	}{
		"as it is today": {machine: "x86_64",
			buildx: "github.com/docker/buildx v0.12.1 30feaa1a915b869ebc2eea6328624b49facd4bfb",
			asked: []string{compose + "x86_64", compose + "x86_64.sha256", buildx + "latest", buildx +
				"download/v0.36.0/buildx-v0.36.0.linux-amd64", buildx + "download/v0.36.0/checksums.txt"}},
		"on Graviton": {machine: "aarch64", buildx: "github.com/docker/buildx 0.12.1",
			asked: []string{compose + "aarch64", compose + "aarch64.sha256", buildx + "latest", buildx +
				"download/v0.36.0/buildx-v0.36.0.linux-arm64", buildx + "download/v0.36.0/checksums.txt"}},
		"a buildx without a version": {machine: "x86_64", buildx: "github.com/docker/buildx v0.0.0+unknown",
			compose: "Docker Compose version v2.40.0",
			asked: []string{buildx + "latest", buildx + "download/v0.36.0/buildx-v0.36.0.linux-amd64", buildx +
				"download/v0.36.0/checksums.txt"}},
		"no buildx": {machine: "x86_64", compose: "Docker Compose version v2.40.0", asked: []string{buildx +
			"latest", buildx + "download/v0.36.0/buildx-v0.36.0.linux-amd64", buildx +
			"download/v0.36.0/checksums.txt"}},
		"a buildx that fits": {machine: "x86_64", buildx: "github.com/docker/buildx v0.17.0 abc",
			asked: []string{compose + "x86_64", compose + "x86_64.sha256"}},
		"both fit": {machine: "x86_64", buildx: "github.com/docker/buildx v1.2.0 abc",
			compose: "Docker Compose version v2.40.0"},
		"not what it says": {machine: "x86_64", buildx: "github.com/docker/buildx v0.12.1", compose: "x",
			bad:   "another",
			fails: "docker buildx: buildx-v0.36.0.linux-amd64 is not what checksums.txt says"},
		"a compose of others": {machine: "x86_64", buildx: "v0.17", bad: "another",
			fails: "docker compose: docker-compose-linux-x86_64 is not what docker-compose-linux-x86_64.sha256 says"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, folder := range []string{"run/ec2-github-runner", "usr/libexec/docker/cli-plugins"} {
				if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for plugin, version := range map[string]string{"buildx": c.buildx, "compose": c.compose} {
				if version == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(root, "usr/libexec/docker/cli-plugins/docker-"+plugin),
					[]byte(version+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.Command("bash", "-c", text("docker")+pluginWorld+"egr_install_plugins\n")
			command.Env = append(os.Environ(), "ROOT="+root, "MACHINE="+c.machine, "BAD="+c.bad)
			out, err := command.CombinedOutput()
			if c.fails != "" {
				if err == nil || !strings.Contains(string(out), c.fails) {
					t.Fatalf("got %v: %s", err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			asked, err := os.ReadFile(filepath.Join(root, "asked"))
			if got, want := strings.TrimSpace(string(asked)), strings.Join(c.asked, "\n"); got != want || err != nil &&
				want != "" {
				t.Errorf("asked for\n%s\nwant\n%s", got, want)
			}
		})
	}
}

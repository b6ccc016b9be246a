//go:build real

package act

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// rehearsal is a release as far as it can take place here: the steps of release.yml as they stand, run by the shell
// that GitHub would take, against a local remote, a local registry and a stand-in of gh. What is not run is buildx, the
// list of what is in the images, the attestations and the signature.
type rehearsal struct {
	root, clone, remote string
	name                string            // of the image in the local registry
	digests             map[string]string // of each architecture and of the list
	repository          string
	workflow            releaseWorkflow
}

type releaseWorkflow struct {
	Defaults struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Jobs map[string]struct {
		Env   map[string]string `yaml:"env"`
		Steps []releaseStep     `yaml:"steps"`
	} `yaml:"jobs"`
}

type releaseStep struct {
	Name  string            `yaml:"name"`
	Run   string            `yaml:"run"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
}

const version = "v2.7.0"

func rehearse(t *testing.T, repository string) *rehearsal {
	t.Helper()
	r := &rehearsal{root: t.TempDir(), clone: checkout(t), repository: repository, digests: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(project, ".github/workflows/release.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &r.workflow); err != nil {
		t.Fatal(err)
	}
	r.remote = filepath.Join(r.root, "remote.git")
	must(t, time.Minute, r.root, "git", "init", "--quiet", "--bare", "--initial-branch=main", r.remote)
	must(t, time.Minute, r.clone, "git", "remote", "add", "origin", r.remote)
	must(t, time.Minute, r.clone, "git", "push", "--quiet", "origin", "main")
	hook, err := os.ReadFile("testdata/standins/pre-receive")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.remote, "hooks", "pre-receive"), hook, 0o755)
	r.push(t)
	return r
}

// push puts the images of both architectures, and a list of them, into a local registry.
func (r *rehearsal) push(t *testing.T) {
	t.Helper()
	r.name = registry(t) + "/" + strings.ToLower(r.repository)
	list := []string{"manifest", "create", "--insecure", r.name + ":" + version}
	for _, arch := range []string{"amd64", "arm64"} {
		tag := r.name + ":" + arch
		retag(t, build(t, arch), arch, tag)
		said := must(t, time.Minute, project, "docker", "push", tag)
		r.digests[arch] = digestIn(t, said)
		list = append(list, r.name+"@"+r.digests[arch])
	}
	must(t, time.Minute, project, "docker", list...)
	r.digests["list"] = digestIn(t, must(t, time.Minute, project, "docker", "manifest", "push", "--insecure", "--purge",
		r.name+":"+version))
	serve := r.name + "-serve:" + version // for this machine alone
	must(t, time.Minute, project, "docker", "tag", buildServe(t, runtime.GOARCH), serve)
	r.digests["serve"] = digestIn(t, must(t, time.Minute, project, "docker", "push", serve))
}

// retag gives an image another name and its own architecture: the plain old builder says of each image that it is for
// the machine that builds.
func retag(t *testing.T, image, arch, tag string) {
	t.Helper()
	must(t, 5*time.Minute, project, "scripts/need", "jq", "jq")
	must(t, time.Minute, t.TempDir(), "bash", "-euo", "pipefail", "-c", `
		docker save "$1" | tar -x
		rm -f index.json oci-layout
		config=$(jq -er '.[0].Config' manifest.json)
		jq -e --arg architecture "$2" '.architecture = $architecture' "$config" >config.json
		jq -e --arg tag "$3" '.[0].Config = "config.json" | .[0].RepoTags = [$tag]' manifest.json >manifest.new
		mv manifest.new manifest.json
		tar -c . | docker load`, "-", image, arch, tag)
}

func digestIn(t *testing.T, said string) string {
	t.Helper()
	digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(said)
	if digest == "" {
		t.Fatalf("docker names no digest:\n%s", said)
	}
	return digest
}

// registry starts a registry on loopback and returns its address. It ends with the test.
func registry(t *testing.T) string {
	t.Helper()
	must(t, 5*time.Minute, project, "scripts/need", "docker-registry", "docker-registry")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	write(t, config, fmt.Appendf(nil, "version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n",
		dir,
		address), 0o600)
	cmd := exec.CommandContext(t.Context(), "docker-registry", "serve", config)
	said := &watch{marker: regexp.MustCompile(`listening on`), seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	select {
	case <-said.seen:
	case <-time.After(30 * time.Second):
		t.Fatalf("the registry does not listen:\n%s", said.text())
	}
	return address
}

// job runs the steps of a job that are shell, in order, until one fails. It returns what they wrote, and the exit code
// of the last.
func (r *rehearsal) job(t *testing.T, name string) output {
	t.Helper()
	temp, all := t.TempDir(), output{}
	for _, step := range r.workflow.Jobs[name].Steps {
		if step.Run == "" {
			continue
		}
		script := filepath.Join(temp, "script.sh")
		write(t, script, []byte(step.Run), 0o644)
		// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
		words := []string{"-e", script}
		if step.Shell == "bash" || step.Shell == "" && r.workflow.Defaults.Run.Shell == "bash" {
			words = []string{"--noprofile", "--norc", "-eo", "pipefail", script}
		}
		env := []string{
			"VERSION=" + version, "RUNNER_TEMP=" + temp, "GITHUB_REF=refs/heads/main", "GITHUB_REPOSITORY=" +
				r.repository,
			"GITHUB_SERVER_URL=https://github.com", "GITHUB_OUTPUT=" + filepath.Join(temp, "output"),
			"GITHUB_STEP_SUMMARY=" + filepath.Join(temp, "summary"), "GH_STANDIN=" + r.root,
			"PATH=" + filepath.Join(r.root, "bin") + ":" + os.Getenv("PATH"),
		}
		for key, value := range r.workflow.Jobs[name].Env {
			env = append(env, key+"="+r.fill(t, name, value))
		}
		for key, value := range step.Env {
			env = append(env, key+"="+r.fill(t, name, value))
		}
		out := run(t, 5*time.Minute, r.clone, "env", append(env, append([]string{"bash"}, words...)...)...)
		all.text, all.code = all.text+out.text, out.code
		if out.code != 0 {
			break
		}
	}
	return all
}

// fill puts values into the expressions of an environment. Only the programs are pulled from the local registry; the
// release names GitHub's.
func (r *rehearsal) fill(t *testing.T, job, value string) string {
	t.Helper()
	image := "ghcr.io/" + strings.ToLower(r.repository) + "@" + r.digests["list"]
	if job == "try" {
		image = r.name + "@" + r.digests["list"]
	}
	values := map[string]string{
		"github.token": "ghs_demo", "needs.check.outputs.name": r.name, "needs.image.outputs.image": image,
		"needs.image.outputs.serve": r.name + "-serve@" + r.digests["serve"],
		"needs.build.outputs.amd64": r.digests["amd64"], "needs.build.outputs.arm64": r.digests["arm64"],
	}
	return regexp.MustCompile(`\$\{\{ *([^} ]+) *\}\}`).ReplaceAllStringFunc(value, func(expression string) string {
		name := strings.Trim(expression, "${} ")
		if values[name] == "" {
			t.Errorf("job %s: nothing is known of %s", job, expression)
		}
		return values[name]
	})
}

func (r *rehearsal) green(t *testing.T, jobs ...string) string {
	t.Helper()
	text := ""
	for _, job := range jobs {
		out := r.job(t, job)
		if out.code != 0 {
			t.Fatalf("job %s: exit code %d:\n%s", job, out.code, out.text)
		}
		text += out.text
	}
	return text
}

// red demands that a job fails with these words and leaves the remote's tags as they are.
func (r *rehearsal) red(t *testing.T, job, want string) {
	t.Helper()
	before := must(t, time.Minute, r.remote, "git", "for-each-ref", "refs/tags")
	if out := r.job(t, job); out.code == 0 || !strings.Contains(out.text, want) {
		t.Errorf("job %s: exit code %d, want a failure with %q:\n%s", job, out.code, want, out.text)
	}
	if after := must(t, time.Minute, r.remote, "git", "for-each-ref", "refs/tags"); after != before {
		t.Errorf("the remote's tags were\n%s\nand are\n%s", before, after)
	}
}

// standIn puts gh where the steps find it.
func (r *rehearsal) standIn(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("testdata/standins/gh")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.root, "bin", "gh"), text, 0o755)
}

// TestRelease: a good one, whose push GitHub refuses at first, so that the job is red and is run again; and then the
// tagged commit is used as a job would.
func TestRelease(t *testing.T) {
	r := rehearse(t, "marqo-ai/ec2-github-runner")
	r.standIn(t)
	r.green(t, "check", "try", "try-serve")
	write(t, filepath.Join(r.remote, "refuse-all"), nil, 0o644)
	r.red(t, "tag", "GH013")
	r.red(t, "tag", "run the failed jobs again")
	if err := os.Remove(filepath.Join(r.remote, "refuse-all")); err != nil {
		t.Fatal(err)
	}
	t.Log(r.green(t, "tag"))
	r.green(t, "notes", "notes") // run again it mends what is there
	if _, err := os.Stat(filepath.Join(r.root, version+".draft")); err != nil {
		t.Errorf("the release is no draft: %v", err)
	}
	if said := r.green(t, "tag"); !strings.Contains(said, "already") {
		t.Errorf("the second time it says %s", said)
	}
	tagged := filepath.Join(r.root, "tagged")
	must(t, time.Minute, r.root, "git", "clone", "--quiet", "--branch", "v2", r.remote, tagged)
	must(t, 5*time.Minute, project, "scripts/need", "node", "nodejs")
	out := run(t, time.Minute, tagged, "node", filepath.Join("native", "main.js"))
	if out.code != 2 || !strings.Contains(out.text, "The 'mode' input is not specified") {
		t.Errorf("the released program: exit code %d:\n%s", out.code, out.text)
	}
	if text := must(t, time.Minute, tagged, "cat", "action.yml"); !strings.Contains(text,
		"image: docker://ghcr.io/marqo-ai/ec2-github-runner@"+r.digests["list"]) {
		t.Error("action.yml does not name the image")
	}
	programs := must(t, time.Minute, tagged, "sh", "-c", "ls native")
	if want := "action.yml checksums.json ec2-github-runner-linux-amd64 ec2-github-runner-linux-arm64 launch.js " +
		"main.js " +
		"post.js"; strings.Join(strings.Fields(programs), " ") != want {
		t.Errorf("native holds %s", programs)
	}
	checkLinks(t, tagged)
	checkProgram(t, tagged, r)
}

// checkProgram: the program of the commit is that of the image.
func checkProgram(t *testing.T, tagged string, r *rehearsal) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(tagged, "native", "ec2-github-runner-linux-"+runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	if want := open(t, build(t, runtime.GOARCH)).files["/ec2-github-runner"]; string(got) != string(want) {
		t.Errorf("the program has %d bytes, and the image's %d", len(got), len(want))
	}
}

// checkLinks: no page of the tagged commit has a link to a file that the commit does not hold.
func checkLinks(t *testing.T, tagged string) {
	t.Helper()
	pages := strings.Fields(must(t, time.Minute, tagged, "git", "ls-files", "*.md"))
	if len(pages) < 20 {
		t.Errorf("only %d pages", len(pages))
	}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(tagged, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)\s:#]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(tagged, filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestReleaseWhoseWorkflowsChanged: main has other workflow files by the time of the tag, for which the remote, as
// GitHub, refuses the push. The release does not come so far, and starts again on the new main.
func TestReleaseWhoseWorkflowsChanged(t *testing.T) {
	r := rehearse(t, "Some-Body/ec2-runner")
	r.standIn(t)
	r.green(t, "check")
	old := must(t, time.Minute, r.clone, "git", "rev-parse", "HEAD")
	ci := filepath.Join(r.clone, ".github", "workflows", "ci.yml")
	text, err := os.ReadFile(ci)
	if err != nil {
		t.Fatal(err)
	}
	write(t, ci, append(text, []byte("# changed\n")...), 0o644)
	must(t, time.Minute, r.clone, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit",
		"--quiet",
		"--all", "--message=change")
	must(t, time.Minute, r.clone, "git", "push", "--quiet", "origin", "main")
	must(t, time.Minute, r.clone, "git", "checkout", "--quiet", "--detach", old)
	r.red(t, "tag", "start the workflow release again")
	// The stand-in of GitHub refuses it too.
	out := run(t, time.Minute, r.clone, "git", "push", "--quiet", "origin", "HEAD:refs/tags/by-hand")
	if out.code == 0 || !strings.Contains(out.text, "refusing to allow a GitHub App") {
		t.Errorf("the remote takes what GitHub refuses:\n%s", out.text)
	}
	must(t, time.Minute, r.clone, "git", "checkout", "--quiet", "main")
	r.green(t, "check", "try", "try-serve", "tag", "notes")
	// A fork's release is the fork's.
	shown := must(t, time.Minute, r.remote, "git", "show", "v2:action.yml", "v2:README.md", "v2:SECURITY.md")
	if strings.Contains(shown, "marqo-ai/") || !strings.Contains(shown, "docker://ghcr.io/some-body/ec2-runner@"+
		r.digests["list"]) {
		t.Error("the fork's release names another repository")
	}
}

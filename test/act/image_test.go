//go:build real

package act

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// maxImage is how large the image may be as a registry stores it, in bytes. Every job that uses the
// action pulls it.
const maxImage = 5_500_000

// build makes the image with the plain old builder, which knows nothing of BuildKit, and returns its tag.
func build(t *testing.T, arch string) string {
	t.Helper()
	return buildTarget(t, arch, "egr/action:"+arch)
}

func buildTarget(t *testing.T, arch, tag string, more ...string) string {
	t.Helper()
	baseImage(t, "golang")
	words := []string{"build", "--quiet", "--network", "none", "--build-arg", "TARGETARCH=" + arch, "--tag", tag}
	if source := builtFrom[arch]; source != "" {
		words = append(words, "--build-arg", "SOURCE="+source)
	}
	must(t, 10*time.Minute, project, "docker", append(append(words, more...), ".")...)
	return tag
}

// builtFrom are the repositories that build the images: the one is built as on main, the other as by a fork's release.
var builtFrom = map[string]string{"arm64": "https://github.com/some-body/ec2-runner"}

// content is an image taken apart: the files of its layers, and the sum of the compressed layers.
type content struct {
	files      map[string][]byte
	links      map[string]string
	compressed int
}

func open(t *testing.T, tag string) content {
	t.Helper()
	saved := filepath.Join(t.TempDir(), "image.tar")
	must(t, time.Minute, project, "docker", "save", "--output", saved, tag)
	archive, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	c := content{files: map[string][]byte{}, links: map[string]string{}}
	each(t, archive, func(h *tar.Header, layer []byte) {
		if !strings.HasSuffix(h.Name, "layer.tar") {
			return
		}
		c.compressed += compressed(t, layer)
		each(t, layer, func(h *tar.Header, file []byte) {
			switch h.Typeflag {
			case tar.TypeReg:
				c.files["/"+h.Name] = file
			case tar.TypeSymlink:
				c.links["/"+h.Name] = h.Linkname
			}
		})
	})
	return c
}

func each(t *testing.T, archive []byte, do func(*tar.Header, []byte)) {
	t.Helper()
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		do(header, file)
	}
}

// compressed is the size of a layer as docker pushes it: gzip at its default level.
func compressed(t *testing.T, layer []byte) int {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write(layer); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// The image holds one small static binary for the architecture asked for, a second name of it, the
// certificates, and nothing else.
func TestImageHoldsOneStaticBinary(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			image := open(t, build(t, arch))
			t.Logf("%s: %d bytes compressed", arch, image.compressed)
			if image.compressed > maxImage {
				t.Errorf("the compressed image has %d bytes, more than %d", image.compressed, maxImage)
			}
			binary := image.files["/ec2-github-runner"]
			if len(image.files) != 2 || len(binary) == 0 ||
				len(image.files["/etc/ssl/certs/ca-certificates.crt"]) == 0 {
				t.Errorf("the image holds %d files, want the binary and the certificates", len(image.files))
			}
			if diff := cmp.Diff(map[string]string{"/ec2-github-runner-post": "ec2-github-runner"},
				image.links); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			checkBinary(t, binary, machine)
			source := builtFrom[arch]
			if source == "" {
				source = "https://github.com/marqo-ai/ec2-github-runner"
			}
			if !bytes.Contains(binary, []byte(source)) {
				t.Errorf("the program does not lead to %s", source)
			}
		})
	}
}

func checkBinary(t *testing.T, binary []byte, machine elf.Machine) {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if file.Machine != machine {
		t.Errorf("built for %v, want %v", file.Machine, machine)
	}
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the binary needs a dynamic loader")
		}
	}
	if file.Section(".debug_info") != nil || file.Section(".symtab") != nil {
		t.Error("the binary carries symbols that nobody reads")
	}
	if bytes.Contains(binary, []byte("/src/main.go")) {
		t.Error("the binary carries the paths of the machine that built it")
	}
}

// GitHub starts the image by its entry point, which must be absolute and in exec form, as root and
// in a directory of its own choice; the post step by the path that action.yml names.
func TestImageFitsAction(t *testing.T) {
	tag := build(t, runtime.GOARCH)
	var config struct {
		Entrypoint []string
		Cmd        []string
		User       string
		WorkingDir string
	}
	if err := json.Unmarshal([]byte(must(t, time.Minute, project, "docker", "image", "inspect", "--format",
		"{{json .Config}}", tag)), &config); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/ec2-github-runner"}, config.Entrypoint); diff != "" {
		t.Errorf("ENTRYPOINT (-want +got):\n%s", diff)
	}
	if config.User != "" || strings.Trim(config.WorkingDir, "/") != "" || config.Cmd != nil {
		t.Errorf("USER %q, WORKDIR %q, CMD %q, want none of them", config.User, config.WorkingDir, config.Cmd)
	}

	text, err := os.ReadFile(filepath.Join(project, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Runs struct {
			Using string `yaml:"using"`
			Post  string `yaml:"post-entrypoint"`
		} `yaml:"runs"`
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	if action.Runs.Using != "docker" || action.Runs.Post != "/ec2-github-runner-post" {
		t.Errorf("action.yml runs by %q with post-entrypoint %q", action.Runs.Using, action.Runs.Post)
	}
}

// A start that died before it wrote any state has a post step too. It has nothing to remove and no
// network to ask, and must above all not start a machine.
func TestPostWithoutStateDoesNothing(t *testing.T) {
	got := run(t, time.Minute, project, "docker", "run", "--rm", "--network", "none", "--entrypoint",
		"/ec2-github-runner-post", build(t, runtime.GOARCH))
	if got.code != 0 || got.text != "" {
		t.Errorf("exit code %d and output %q, want 0 and silence", got.code, got.text)
	}
}

// With every input of a start in place but no state, the post step is still the post step.
func TestPostWithInputsOfStartDoesNothing(t *testing.T) {
	got := run(t, time.Minute, project, "docker", "run", "--rm", "--network", "none",
		"--env", "INPUT_MODE=start", "--env", "INPUT_GITHUB-TOKEN=ghp_demo", "--env",
		"INPUT_EC2-IMAGE-ID=ami-0123456789abcdef0",
		"--env", "INPUT_EC2-INSTANCE-TYPE=t3.micro", "--env", "INPUT_SUBNET-ID=subnet-1", "--env",
		"INPUT_SECURITY-GROUP-ID=sg-1",
		"--env", "GITHUB_REPOSITORY=demo-org/demo", "--env", "AWS_REGION=us-east-1",
		"--entrypoint", "/ec2-github-runner-post", build(t, runtime.GOARCH))
	// The token is masked before anything else; that is all it may say.
	if got.code != 0 || strings.Contains(got.text, "::error::") || strings.Contains(got.text, "instance") {
		t.Errorf("exit code %d and output %q, want 0 and no work", got.code, got.text)
	}
}

func TestImageWithoutInputsRefuses(t *testing.T) {
	got := run(t, time.Minute, project, "docker", "run", "--rm", "--network", "none", build(t, runtime.GOARCH))
	if got.code != 2 || !strings.Contains(got.text, "::error::The 'mode' input is not specified") {
		t.Errorf("exit code %d and output %q, want 2 and the refusal", got.code, got.text)
	}
}

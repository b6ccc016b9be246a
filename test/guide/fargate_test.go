package guide

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

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// TestFargateFiles runs the first container's script of docs/aws/scale-sets.yml and reads its files as the second
// container does: both are complete and readable by the program's user alone, and the set file names the key.
func TestFargateFiles(t *testing.T) {
	template, err := ReadTemplate("../../docs/aws/scale-sets.yml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := template.Evaluate(map[string]string{"Scope": "my-org", "VpcId": "vpc-1", "SubnetIds": "subnet-1"})
	if err != nil {
		t.Fatal(err)
	}
	containers := made["Task"].(map[string]any)["Properties"].(map[string]any)["ContainerDefinitions"].([]any)
	files, program := containers[0].(map[string]any), containers[1].(map[string]any)
	const mounted = "/etc/ec2-github-runner"
	dir := t.TempDir()
	written := filepath.Join(dir, "written")
	if err := os.Mkdir(written, 0o700); err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(fmt.Sprint(files["Command"].([]any)[0]), mounted, written)
	entry := files["EntryPoint"].([]any)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := os.ReadFile("../../examples/scale-set/sets.yml")
	if err != nil {
		t.Fatal(err)
	}
	// The shell's own chown would need root.
	owner := filepath.Join(dir, "chown")
	text := []byte("#!/bin/sh\necho \"$@\" >" + dir + "/owner\n")
	if err := os.WriteFile(owner, text, 0o700); err != nil {
		t.Fatal(err)
	}
	shell, options := fmt.Sprint(entry[0]), fmt.Sprint(entry[1])
	command := exec.CommandContext(t.Context(), shell, options, script)
	command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"),
		"SETS=" + strings.Replace(string(sets), "/run/credentials/ec2-github-runner-serve.service/app.pem", "secret",
			1),
		"SECRET=" + string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
			Bytes: x509.MarshalPKCS1PrivateKey(key)}))}
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %q", err, out)
	}
	named := strings.Replace(fmt.Sprint(program["Command"].([]any)[0]), mounted, written, 1)
	file, warnings, err := config.Read(named)
	if err != nil || len(warnings) > 0 || len(file.Sets) != 3 {
		t.Errorf("read %d sets: %v, %v", len(file.Sets), warnings, err)
	}
	for _, name := range []string{"sets.yml", "secret"} {
		about, err := os.Stat(filepath.Join(written, name))
		if err != nil {
			t.Fatal(err)
		}
		if about.Mode().Perm() != 0o400 {
			t.Errorf("%s has mode %s", name, about.Mode())
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "owner"))
	if want := fmt.Sprint(program["User"], " sets.yml secret\n"); err != nil || string(got) != want {
		t.Errorf("chown was called with %q (%v), want %q", got, err, want)
	}
}

package script

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

const (
	scaleSetsPage    = "docs/scale-sets.md"
	scaleSetsExample = "examples/scale-set"
	// credential is where systemd puts the App's key for the example's unit.
	credential = "/run/credentials/ec2-github-runner-serve.service/app.pem"
)

// readSets reads a scale-set file from a page, with a private key if it names one.
func readSets(t *testing.T, name, text string) config.File {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "sets.yml")
	for file, content := range map[string]string{
		path: strings.ReplaceAll(text, credential, "app.pem"),
		filepath.Join(dir, "app.pem"): string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
			Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, warnings, err := config.Read(path)
	if err != nil || len(warnings) > 0 {
		t.Errorf("%s: warnings %v\n%v", name, warnings, err)
	}
	return file
}

// TestScaleSetsPage: the server accepts each file of the page.
func TestScaleSetsPage(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, s := range readSnippets(t, scaleSetsPage) {
		if s.language == "yml" {
			seen++
			readSets(t, s.path, s.text)
		}
	}
	if seen == 0 {
		t.Errorf("%s has no file", scaleSetsPage)
	}
}

// TestScaleSetsExample: the server accepts the example's file, its workflow uses only labels of its sets, and its unit
// starts the program with that file and passes the key that the file names.
func TestScaleSetsExample(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(scaleSetsExample, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	text := read("sets.yml")
	var labels []string
	for _, set := range readSets(t, "examples/scale-set/sets.yml", text).Sets {
		labels = append(labels, set.Labels...)
	}
	var w struct {
		Jobs map[string]struct {
			RunsOn   string `yaml:"runs-on"`
			Strategy struct {
				Matrix struct{ Machine []string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read("workflow.yml")), &w); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, job := range w.Jobs {
		if job.RunsOn != "${{ matrix.machine }}" {
			asked = append(asked, job.RunsOn)
		}
		asked = append(asked, job.Strategy.Matrix.Machine...)
	}
	slices.Sort(asked)
	slices.Sort(labels)
	if len(asked) != 3 || !slices.Equal(asked, labels) {
		t.Errorf("the workflow uses the labels %v, but the sets have %v", asked, labels)
	}
	unit := read("ec2-github-runner-serve.service")
	for _, line := range []string{
		"ExecStart=/usr/local/bin/ec2-github-runner-serve /etc/ec2-github-runner/sets.yml",
		"LoadCredential=app.pem:/etc/ec2-github-runner/app.pem", "DynamicUser=yes",
		"ExecReload=/bin/kill -HUP $MAINPID",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no line %s", line)
		}
	}
	if !strings.Contains(text, "app-private-key-file: "+credential+"\n") {
		t.Errorf("the file does not name %s", credential)
	}
}

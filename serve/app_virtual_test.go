package serve_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const installationID = 34

// withApp makes the server sign in as a GitHub App on the organization, whose sets it serves.
func (s *stage) withApp() {
	path := filepath.Join(s.t.TempDir(), "app.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(s.world.AppKey())})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.file.GitHub = config.GitHub{URL: "https://github.com/demo-org", AppID: "12", AppPrivateKeyFile: path}
}

var anApp = simulator.Config{
	Apps: []simulator.App{{ID: 12, ClientID: "Iv23", Slug: "demo", Permissions: map[string]string{"metadata": "read",
		"organization_self_hosted_runners": "write"},
		Installations: []simulator.Installation{{ID: installationID, Account: "demo-org"}}}},
	RunnerGroups: []simulator.RunnerGroup{{Scope: "demo-org", ID: 2, Name: "ci"}},
}

// TestAppSuspended: an App that is suspended in flight stops the sets, which says so and ends nothing; when it works
// again, so do they.
func TestAppSuspended(t *testing.T) {
	inBubble(t, anApp, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		s.withApp()
		p := s.start("one")
		s.listening(p, 1)
		s.queue("ec2-amd64", 2, simulator.ScaleSetJob{Duration: 20 * time.Minute})
		s.until("started", 3*time.Minute, func() bool { return len(p.log.with("job started")) == 2 })
		s.world.Suspend(installationID, true)
		s.world.RevokeInstallationTokens()
		s.world.RevokeScaleSetTokens()
		s.world.ExpireQueueToken("ec2-amd64")
		<-time.After(11 * time.Minute)
		said := p.log.with("not served: GitHub refuses")
		if len(said) < 2 || len(said) > 3 || said[0]["hint"] == "" {
			t.Errorf("said %v", said)
		}
		if ended := len(s.calls("TerminateInstances")); ended > 0 {
			t.Errorf("%d machines were ended", ended)
		}
		s.world.Suspend(installationID, false)
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 20*time.Minute, s.allDone)
		s.nothingLeft(5 * time.Minute)
	})
}

// TestGroup: a set is moved to the group that the file names, and not served while there is no such group.
func TestGroup(t *testing.T) {
	inBubble(t, anApp, []config.Set{aSet("ec2-amd64", 5)}, func(s *stage) {
		s.withApp()
		p := s.start("one")
		s.listening(p, 1)
		p.end()
		s.file.Sets[0].RunnerGroup = "ci"
		p = s.start("two")
		s.listening(p, 1)
		if sets := s.world.ScaleSets(); len(sets) != 1 || sets[0].Group != 2 {
			t.Fatalf("sets %+v", sets)
		}
		s.queue("ec2-amd64", 1, simulator.ScaleSetJob{})
		s.until("done", 3*time.Minute, s.allDone)
		s.nothingLeft(2 * time.Minute)
		p.end()
		s.world.RemoveRunnerGroup("demo-org", 2)
		p = s.start("three")
		<-time.After(time.Minute)
		said := p.log.with("not served: GitHub refuses")
		if len(said) != 1 || said[0]["hint"] == "" {
			t.Errorf("said %v", said)
		}
	})
}

package main

import (
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// groupSignIn is the group for a start that signs in at AWS by OIDC and at GitHub as an App.
const groupSignIn = "Start-up with sign-in"

// signedIn is the fast world with a role to assume and an installed App.
func signedIn(c *simulator.Config) {
	fast(c)
	c.Roles = append(c.Roles, simulator.Role{Name: "runner"})
	c.Apps = append(c.Apps, simulator.App{
		ID: 1, ClientID: "Iv23bench", Slug: "ec2-runners",
		Permissions:   map[string]string{"administration": "write", "metadata": "read"},
		Installations: []simulator.Installation{{ID: 2, Account: "demo-org", Repositories: []string{"demo-org/demo"}}},
	})
}

// startUpSignedIn measures what signing in adds to the program's own time and memory.
func startUpSignedIn(t *trial) error {
	s, err := t.scene(signedIn)
	if err != nil {
		return err
	}
	defer s.close()
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.world.AppKey())})
	_, err = s.startUp(startInputs(map[string]string{
		"role-to-assume": "arn:aws:iam::123456789012:role/runner", "aws-region": "us-east-1",
		"github-token": "", "app-client-id": "Iv23bench", "app-private-key": string(key),
	}))
	if err != nil {
		return err
	}
	t.add("calls to sign in", float64(s.signIns()))
	return nil
}

// signIns counts the calls that sign in.
func (s *scene) signIns() (n int) {
	for _, call := range s.world.Calls() {
		if call.Service == "oidc" || call.Service == "sts" || strings.HasPrefix(call.Operation, "apps/") {
			n++
		}
	}
	return n
}

package simulator_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// webToken is a JSON web token of the App, signed by hand.
func webToken(t *testing.T, w *simulator.World, app string) string {
	t.Helper()
	encode := func(value any) string {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	now := time.Now().Unix()
	text := encode(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." +
		encode(map[string]any{"iss": app, "iat": now - 60, "exp": now + 300})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, w.AppKey(), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestRevokedInstallationToken: a token of an App works until it is revoked, which only such a token can be.
func TestRevokedInstallationToken(t *testing.T) {
	t.Parallel()
	w := simulator.New(simulator.Config{Speed: 1000, Apps: []simulator.App{{
		ID: 1, ClientID: "Iv23demo", Slug: "app", Permissions: map[string]string{"administration": "write"},
		Installations: []simulator.Installation{{ID: 2, Account: "demo-org"}},
	}}})
	server := httptest.NewServer(w.GitHubHandler())
	t.Cleanup(server.Close)
	call := func(method, path, token string) (int, map[string]any) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var answer map[string]any
		_ = json.NewDecoder(response.Body).Decode(&answer) // a 204 has none
		return response.StatusCode, answer
	}
	status, answer := call(http.MethodPost, "/app/installations/2/access_tokens", webToken(t, w, "Iv23demo"))
	if status != http.StatusCreated {
		t.Fatalf("create token: %d: %v", status, answer)
	}
	token := fmt.Sprint(answer["token"])
	const list, revoke = "/repos/demo-org/demo/actions/runners", "/installation/token"
	for _, step := range []struct {
		method, path, token string
		want                int
	}{
		{http.MethodGet, list, token, http.StatusOK},
		{http.MethodDelete, revoke, "ghp_demo", http.StatusForbidden},
		{http.MethodDelete, revoke, token, http.StatusNoContent},
		{http.MethodGet, list, token, http.StatusUnauthorized},
		{http.MethodDelete, revoke, token, http.StatusUnauthorized},
	} {
		if got, answer := call(step.method, step.path, step.token); got != step.want {
			t.Errorf("%s %s as %.4s…: %d: %v, want %d", step.method, step.path, step.token, got, answer, step.want)
		}
	}
}

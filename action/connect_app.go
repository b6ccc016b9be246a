package action

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// isAppID reports whether a text can be an App's client id or App id.
func isAppID(text string) bool { return github.AppOptions{ID: text}.HasValidID() }

// readAppKey reads an App's private key in any of the forms in which it may be pasted. The problem's message continues
// "The 'app-private-key' input …".
func readAppKey(text string) (*rsa.PrivateKey, *Problem) {
	key, err := github.ReadKey(text)
	if bad, ok := errors.AsType[*github.KeyError](err); ok {
		return nil, &Problem{bad.Problem, bad.Hint}
	}
	return key, nil
}

// keyMasks returns every text in which an App's private key could appear in a log: as given (whole and by line), as
// PEM, and base64-encoded. A key that cannot be read is masked as given.
func keyMasks(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	breaks := strings.NewReplacer(`\r`, "\n", `\n`, "\n", `"`, "\n", "'", "\n", "\r", "\n")
	masks := append(strings.Split(breaks.Replace(text), "\n"), strings.Split(text, "\n")...)
	if key, problem := readAppKey(text); problem == nil {
		plain := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		masks = append(masks, strings.Split(string(plain), "\n")...)
		masks = append(masks, base64.StdEncoding.EncodeToString(plain), base64.StdEncoding.EncodeToString([]byte(text)))
	}
	var kept []string
	for _, mask := range masks {
		// The armor lines are not secret; masking them would hide them in other logs too. A key on a single line
		// contains both, and is masked.
		isArmor := strings.HasPrefix(strings.TrimSpace(mask), "-----") && strings.Count(mask, "-----") == 2
		if mask = strings.TrimSpace(mask); mask != "" && !isArmor && !slices.Contains(kept, mask) {
			kept = append(kept, mask)
		}
	}
	return kept
}

// session returns the App's session, which all clients of this run share; nil if a token is used.
func (in *appSignIn) session(scope github.Scope, request Request, out *output) *github.App {
	if in == nil {
		return nil
	}
	return github.NewApp(github.AppOptions{
		ID: in.ID, Key: in.Key, Scope: scope, Repository: request.Run.Repository, ReadOnly: in.ReadOnly, Runs: in.Runs,
		Secret: out.Secret, SignedIn: out.signedInGitHub,
	})
}

// signedInGitHub logs who has signed in at GitHub, and adds it to the job summary the first time.
func (o *output) signedInGitHub(who github.Identity, renewed bool) {
	until := who.Until.UTC().Format("2006-01-02 15:04 MST")
	if renewed {
		o.log.Info(fmt.Sprintf("the GitHub App's token was renewed until %s", until))
		return
	}
	app := who.Installation
	o.log.Info(fmt.Sprintf(
		"signed in at GitHub as the App %s (App id %d, installation %d on %s) with %s until %s; the token is "+
			"renewed before that", app.App, app.AppID, app.ID, app.Account, who.PermissionList(), until))
	o.signedIn(fmt.Sprintf("at GitHub as the App %s (installation %d on %s); the token is renewed before it ends",
		code(app.App), app.ID, code(app.Account)))
}

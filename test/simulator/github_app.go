package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// App is a GitHub App. GitHub generates its key: World.AppKey hands it out.
type App struct {
	ID       int64  `yaml:"id"`
	ClientID string `yaml:"client-id"`
	Slug     string `yaml:"slug"`
	Owner    string `yaml:"owner"` // an organization; default the first repository's
	// Permissions are what its owner has set; each installation has what its own owner has accepted of it.
	Permissions   map[string]string `yaml:"permissions"`
	Installations []Installation    `yaml:"installations"`
	// Keyless is an App whose owner has generated no key yet; KeyDeletedAfter is how long after its first token its key
	// is deleted, not divided by Config.Speed.
	Keyless         bool          `yaml:"keyless"`
	KeyDeletedAfter time.Duration `yaml:"key-deleted-after"`
}

// Installation is a place where an App is installed.
type Installation struct {
	ID           int64             `yaml:"id"`
	Account      string            `yaml:"account"`      // a user, an organization, or "enterprises/name"
	Repositories []string          `yaml:"repositories"` // "owner/repo"; none means all of the account
	Permissions  map[string]string `yaml:"permissions"`  // default the App's
	Suspended    bool              `yaml:"suspended"`
	// SuspendedAfter is how long after its first token it is suspended, not divided by Config.Speed.
	SuspendedAfter time.Duration `yaml:"suspended-after"`
}

// app is an App as it is now.
type app struct {
	App
	keyless       bool
	installations []*installation
}

type installation struct {
	Installation
	app       *app
	suspended bool
}

// appKey is the key of every App in every world of a process: making one takes a while.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("simulator: generate an App's key: " + err.Error())
	}
	return key
})

// AppKey is the private key of the world's Apps.
func (w *World) AppKey() *rsa.PrivateKey { return appKey() }

// Apps are those of the world's configuration.
func (w *World) Apps() []App { return w.cfg.Apps }

// DeleteAppKey deletes the key of an App, as its owner does who replaces it.
func (w *World) DeleteAppKey(id int64) {
	w.enter()
	defer w.mu.Unlock()
	for _, a := range w.hub.apps {
		if a.ID == id {
			a.keyless = true
		}
	}
}

// Suspend suspends an installation, or lets it work again.
func (w *World) Suspend(installationID int64, suspended bool) {
	w.changeInstallation(installationID, func(i *installation) { i.suspended = suspended })
}

// Reinstall gives an installation another id and other permissions, as one that was removed and made anew has.
func (w *World) Reinstall(installationID, newID int64, permissions map[string]string) {
	w.changeInstallation(installationID, func(i *installation) { i.ID, i.Permissions = newID, permissions })
}

func (w *World) changeInstallation(id int64, change func(*installation)) {
	w.enter()
	defer w.mu.Unlock()
	for _, a := range w.hub.apps {
		for _, i := range a.installations {
			if i.ID == id {
				change(i)
			}
		}
	}
}

// RevokeInstallationTokens ends every installation token that there is.
func (w *World) RevokeInstallationTokens() {
	w.enter()
	defer w.mu.Unlock()
	clear(w.hub.installationTokens)
}

func (h *hub) newApps() {
	for _, configured := range h.w.cfg.Apps {
		a := &app{App: configured, keyless: configured.Keyless}
		a.Owner = orText(a.Owner, strings.Split(h.w.cfg.Repositories[0], "/")[0])
		for _, place := range configured.Installations {
			i := &installation{Installation: place, app: a, suspended: place.Suspended}
			if i.Permissions == nil {
				i.Permissions = a.Permissions
			}
			a.installations = append(a.installations, i)
		}
		h.apps = append(h.apps, a)
	}
}

// usedFirst begins what is to happen after an installation's first token. The next one finds nothing to begin.
func (h *hub) usedFirst(i *installation) {
	if d := i.app.KeyDeletedAfter; d > 0 {
		h.w.at(h.w.now.Add(d), func() { i.app.keyless = true })
	}
	if d := i.SuspendedAfter; d > 0 {
		h.w.at(h.w.now.Add(d), func() { i.suspended = true })
	}
	i.app.KeyDeletedAfter, i.SuspendedAfter = 0, 0
}

// clock is the time at GitHub, which need not be the client's.
func (h *hub) clock() time.Time { return h.w.now.Add(h.w.cfg.GitHubClock) }

// claims are those of a JSON web token that GitHub reads.
type claims struct {
	Issuer  any          `json:"iss"` // the client id or the App's id
	Issued  *json.Number `json:"iat"`
	Expires *json.Number `json:"exp"`
}

// The refusals of a JSON web token, word for word.
// https://github.com/octokit/auth-app.js/issues/146, https://github.com/actions/create-github-app-token/issues/153
const (
	saysUndecodable = "A JSON web token could not be decoded"
	saysNoKey       = "Integration must generate a public key"
	saysExpires     = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which " +
		"the assertion expires"
	saysTooFar     = "'Expiration time' claim ('exp') is too far in the future"
	saysIssued     = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	saysUnknownApp = "Integration not found"
)

// longestWebToken is how far in GitHub's future a JSON web token may end.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const longestWebToken = 10 * time.Minute

// appOf finds the App that a JSON web token is of, or the refusal. It reads the token by hand: what signs it is
// another's library.
func (h *hub) appOf(token string) (*app, answer) {
	undecodable := hubError(http.StatusUnauthorized, saysUndecodable)
	header, payload, signature, signed, ok := webTokenParts(token)
	var kind struct {
		Algorithm string `json:"alg"`
	}
	var said claims
	if !ok || json.Unmarshal(header, &kind) != nil || kind.Algorithm != "RS256" ||
		json.Unmarshal(payload, &said) != nil {
		return nil, undecodable
	}
	a := h.findApp(said.Issuer)
	switch {
	case a == nil:
		return nil, hubError(http.StatusNotFound, saysUnknownApp)
	case a.Keyless:
		return nil, hubError(http.StatusUnauthorized, saysNoKey)
	case a.keyless:
		return nil, undecodable
	}
	sum := sha256.Sum256([]byte(signed))
	if rsa.VerifyPKCS1v15(&appKey().PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, undecodable
	}
	now := h.clock()
	expires, hasEnd := wholeSeconds(said.Expires)
	issued, hasBegin := wholeSeconds(said.Issued)
	switch {
	case !hasEnd || !expires.After(now):
		return nil, hubError(http.StatusUnauthorized, saysExpires)
	case expires.After(now.Add(longestWebToken)):
		return nil, hubError(http.StatusUnauthorized, saysTooFar)
	case !hasBegin || issued.After(now):
		return nil, hubError(http.StatusUnauthorized, saysIssued)
	}
	return a, answer{}
}

func webTokenParts(token string) (header, payload, signature []byte, signed string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, nil, "", false
	}
	var decoded [3][]byte
	for n, part := range parts {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, nil, nil, "", false
		}
		decoded[n] = text
	}
	return decoded[0], decoded[1], decoded[2], parts[0] + "." + parts[1], true
}

// wholeSeconds reads a claim: GitHub takes no fraction.
func wholeSeconds(claim *json.Number) (time.Time, bool) {
	if claim == nil {
		return time.Time{}, false
	}
	seconds, err := claim.Int64()
	return time.Unix(seconds, 0), err == nil
}

func (h *hub) findApp(issuer any) *app {
	text := fmt.Sprint(issuer)
	if number, ok := issuer.(float64); ok {
		text = strconv.FormatInt(int64(number), 10)
	}
	for _, a := range h.apps {
		if text == a.ClientID || text == strconv.FormatInt(a.ID, 10) {
			return a
		}
	}
	return nil
}

// callerOf names who calls, for limits: a JSON web token's issuer, since each call has a token of its own; else the
// token.
func callerOf(token string) string {
	_, payload, _, _, ok := webTokenParts(token)
	var said claims
	if ok && json.Unmarshal(payload, &said) == nil && said.Issuer != nil {
		return fmt.Sprint("App ", said.Issuer)
	}
	return token
}

// place finds where an App is installed that a scope belongs to.
func (a *app) place(scope string) *installation {
	for _, i := range a.installations {
		if i.covers(scope) {
			return i
		}
	}
	return nil
}

// covers reports whether a scope is the installation's own account, or one of its repositories.
func (i *installation) covers(scope string) bool {
	owner, _, isRepository := strings.Cut(scope, "/")
	if !isRepository || strings.HasPrefix(scope, "enterprises/") {
		return strings.EqualFold(scope, i.Account)
	}
	if len(i.Repositories) == 0 {
		return strings.EqualFold(owner, i.Account)
	}
	return slices.ContainsFunc(i.Repositories, func(r string) bool { return strings.EqualFold(r, scope) })
}

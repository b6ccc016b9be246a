package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// adminToken is a token for the service, for one scope.
type adminToken struct {
	scope     *scope
	expires   time.Time // by GitHub's clock
	installed *installation
}

// good reports whether the service accepts the token. It is assumed, as the worst case, that it accepts none of a
// suspended App: the client requests no other one before the old one's exp (client.go, updateTokenIfNeeded).
func (t *adminToken) good(now time.Time) bool {
	return t != nil && now.Before(t.expires) && (t.installed == nil || !t.installed.suspended)
}

// connectActions exchanges a registration token for the address of the service and a token for it (client.go of
// actions/scaleset, getActionsServiceAdminConnection). GitHub's description of its API does not have it.
func connectActions(call *hubCall) answer {
	if call.w.cfg.ScaleSets.Missing == "registration" {
		return hubError(http.StatusNotFound, "Not Found")
	}
	kind, value, _ := strings.Cut(call.req.Header.Get("Authorization"), " ")
	t := call.tokens[value]
	if kind != "RemoteAuth" || t == nil || call.clock().After(t.expires) {
		return hubError(http.StatusUnauthorized, "Bad credentials")
	}
	var in struct {
		URL   string `json:"url"`
		Event string `json:"runner_event"`
	}
	if json.Unmarshal(call.body, &in) != nil || in.Event != "register" {
		return hubError(http.StatusBadRequest, "Problems parsing JSON")
	}
	place, err := url.Parse(in.URL)
	if err != nil || !strings.EqualFold(strings.Trim(place.Path, "/"), t.scope.name) {
		return hubError(http.StatusNotFound, "Not Found")
	}
	expires := call.clock().Add(call.w.cfg.ScaleSets.TokenLifetime)
	token := call.webToken(expires)
	call.adminTokens[token] = &adminToken{scope: t.scope, expires: expires, installed: t.installed}
	service := "https://" + actionsHost + actionsBase
	if strings.HasSuffix(call.base, gheBase) {
		service = strings.TrimSuffix(call.base, gheBase) + actionsOnGHES + "demo/"
	}
	return actionsJSON(http.StatusOK, map[string]string{"url": service, "token": token,
		"token_schema": "OAuthAccessToken"})
}

// webToken creates a JSON web token whose expiry a client can read, in whole seconds.
func (h *hub) webToken(expires time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"typ":"JWT","alg":"HS256"}`) + "." +
		part(fmt.Sprintf(`{"exp":%d,"jti":%q,"scp":"Actions.Runtime.Administer"}`, expires.Unix(), h.w.hex(32))) + "." +
		part(h.w.hex(32))
}

// RevokeScaleSetTokens revokes every token of the scale-set service; the sessions stay.
func (w *World) RevokeScaleSetTokens() {
	w.enter()
	defer w.mu.Unlock()
	clear(w.hub.adminTokens)
}

package simulator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// OIDC is GitHub's OIDC provider as a job sees it, and how much of it the account knows.
type OIDC struct {
	// Bearer is what the endpoint wants to see, ACTIONS_ID_TOKEN_REQUEST_TOKEN. Default IDTokenBearer.
	Bearer string `yaml:"bearer"`
	// Subject is the job's, default "repo:demo-org/demo:ref:refs/heads/main" with the first repository.
	// https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
	Subject string `yaml:"subject"`
	// Lifetime of a token: 5m, as the documentation's example has it (exp - iat). Not divided by Config.Speed.
	Lifetime time.Duration `yaml:"lifetime"`
	// Audiences (client ids) of the account's provider, default sts.amazonaws.com.
	Audiences []string `yaml:"audiences"`
	// NoProvider: the account knows no provider of GitHub's.
	NoProvider bool `yaml:"no-provider"`
}

// Where the endpoint is for clients in the same process, and what it wants to see.
const (
	IDTokenURL = "https://run-actions-1-azure-eastus.actions.githubusercontent.com/84//idtoken/f0e1/a2b3" +
		"?api-version=2.0"
	IDTokenBearer = "demo-id-token-request-bearer"

	idTokenHosts  = ".actions.githubusercontent.com"
	idTokenPath   = "/84//idtoken/f0e1/a2b3"
	idTokenIssuer = "token.actions.githubusercontent.com"
)

// Role is an IAM role of the account.
type Role struct {
	Name       string        `yaml:"name"`
	MaxSession time.Duration `yaml:"max-session"` // default 1h, as IAM's
	// Trust is its trust policy in JSON. Default: whoever the account's keys are, and the jobs of the first repository
	// with the audience sts.amazonaws.com.
	Trust string `yaml:"trust"`
	// Policy is what its sessions may do, beside Config.Policy.
	Policy Policy `yaml:"policy"`

	statements []trustStatement
}

// trustStatement is one statement of a trust policy: it has no resource, and a principal.
type trustStatement struct {
	statement
	Principal map[string]texts
}

func (o *OIDC) fill(repository string) {
	o.Bearer = orText(o.Bearer, IDTokenBearer)
	o.Subject = orText(o.Subject, "repo:"+repository+":ref:refs/heads/main")
	if o.Lifetime == 0 {
		o.Lifetime = 5 * time.Minute
	}
	fillList(&o.Audiences, []string{"sts.amazonaws.com"})
}

// oidc holds the tokens that were given out: a token is genuine if it is among them.
type oidc struct {
	w      *World
	tokens map[string]idToken
}

type idToken struct {
	audience string
	ends     time.Time
}

// understand finds out what is asked of the endpoint.
func (o *oidc) understand(req *http.Request) *exchange {
	query := req.URL.Query()
	audience := query.Get("audience")
	x := &exchange{
		service: serviceOIDC, operation: "GetIDToken", caller: bearer(req),
		params:  map[string]string{"audience": audience},
		latency: o.w.cfg.Timing.GitHub,
	}
	x.act = func() answer {
		switch {
		case req.Method != http.MethodGet, req.URL.Path != idTokenPath, query.Get("api-version") == "":
			o.w.wonder("%s %s is nothing that the OIDC endpoint answers", req.Method, req.URL)
			return oidcAnswer(http.StatusNotFound, map[string]string{"message": "Not Found"})
		case x.caller != o.w.cfg.OIDC.Bearer:
			return oidcAnswer(http.StatusUnauthorized, map[string]string{"message": "The token is not valid."})
		}
		return oidcAnswer(http.StatusOK,
			map[string]string{"value": o.make(orText(audience, "https://github.com/demo-org"))})
	}
	return x
}

func oidcAnswer(status int, body map[string]string) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		panic("simulator: encode answer: " + err.Error())
	}
	a := answer{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: raw}
	if status >= http.StatusBadRequest {
		a.code = body["message"]
	}
	return a
}

// make creates a token with GitHub's claims.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
func (o *oidc) make(audience string) string {
	now, ends := o.w.serviceNow(), o.w.serviceNow().Add(o.w.cfg.OIDC.Lifetime)
	part := func(value any) string {
		raw, err := json.Marshal(value)
		if err != nil {
			panic("simulator: encode token: " + err.Error())
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"typ": "JWT", "alg": "RS256", "kid": "simulated"}) + "." + part(map[string]any{
		"jti": o.w.hex(32), "iss": "https://" + idTokenIssuer, "aud": audience, "sub": o.w.cfg.OIDC.Subject,
		"repository": o.w.cfg.Repositories[0],
		"iat":        now.Unix(), "nbf": now.Add(-10 * time.Minute).Unix(), "exp": ends.Unix(),
	}) + "." + base64.RawURLEncoding.EncodeToString([]byte(o.w.hex(64)))
	o.tokens[text] = idToken{audience: audience, ends: ends}
	return text
}

// verify is what STS does with a token before it looks at the role. Its words are those that people meet:
// https://github.com/aws-actions/configure-aws-credentials/issues/280 (no provider), /issues/1309 (audience)
func (o *oidc) verify(text string) *ec2Error {
	token, genuine := o.tokens[text]
	switch {
	case strings.Count(text, ".") != 2:
		return fail("InvalidIdentityToken",
			"The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	case o.w.cfg.OIDC.NoProvider:
		return fail("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://%s",
			idTokenIssuer)
	case !genuine:
		return fail("InvalidIdentityToken",
			"Couldn't retrieve verification key from your identity provider, please reference "+
				"AssumeRoleWithWebIdentity "+
				"documentation for requirements")
	case !slices.Contains(o.w.cfg.OIDC.Audiences, token.audience):
		return fail("InvalidIdentityToken", "Incorrect token audience")
	case !o.w.serviceNow().Before(token.ends):
		const form = "Mon Jan 02 15:04:05 MST 2006"
		return fail("ExpiredTokenException",
			"Token expired: current date/time %s must be before the expiration date/time %s",
			o.w.serviceNow().UTC().Format(form), token.ends.UTC().Format(form))
	}
	return nil
}

// IDToken asks the endpoint for a token, for tests that are not about asking.
func IDToken(ctx context.Context, client *http.Client, audience string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, IDTokenURL+"&audience="+url.QueryEscape(audience),
		nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+IDTokenBearer)
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Value string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Value == "" {
		return "", fmt.Errorf("no token: %s: %w", response.Status, err)
	}
	return answer.Value, nil
}

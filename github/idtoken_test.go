package github_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestIDTokens: the endpoint's responses and their results. A refusal is final; everything else is retried for 45
// seconds.
func TestIDTokens(t *testing.T) {
	t.Parallel()
	of := simulator.Match{Service: "oidc"}
	for name, c := range map[string]struct {
		fault  simulator.Fault
		bearer string
		calls  int // 0: several
		class  github.Class
		says   string
	}{
		"answers": {calls: 1},
		"5xx twice": {fault: simulator.Fault{Match: of, Effect: simulator.EffectError, Status: 502, Times: 2},
			calls: 3},
		"429 once":   {fault: simulator.Fault{Match: of, Effect: simulator.EffectThrottle, Times: 1}, calls: 2},
		"hangs once": {fault: simulator.Fault{Match: of, Effect: simulator.EffectHang, Times: 1}, calls: 2},
		"slow once": {fault: simulator.Fault{Match: of, Effect: simulator.EffectLate, Delay: 30 * time.Second,
			Times: 1}, calls: 2},
		"refused once": {fault: simulator.Fault{Match: of, Effect: simulator.EffectRefuse, Times: 1}, calls: 2},
		"cut once":     {fault: simulator.Fault{Match: of, Effect: simulator.EffectCutMiddle, Times: 1}, calls: 2},
		"garbled once": {fault: simulator.Fault{Match: of, Effect: simulator.EffectMalformed, Times: 1}, calls: 2},
		"5xx for ever": {fault: simulator.Fault{Match: of, Effect: simulator.EffectError, Status: 503},
			class: github.Unknown, says: "get OIDC token: GitHub says 503"},
		"hangs for ever": {fault: simulator.Fault{Match: of, Effect: simulator.EffectHang}, class: github.Unknown,
			says: "get OIDC token: no answer from GitHub"},
		"wrong bearer": {bearer: "ended", calls: 1, class: github.Unauthorized,
			says: "get OIDC token: GitHub says 401: The token is not valid."},
		"forbidden": {fault: simulator.Fault{Match: of, Effect: simulator.EffectError, Status: 403}, calls: 1,
			class: github.Forbidden, says: "GitHub says 403"},
		"no such job": {fault: simulator.Fault{Match: of, Effect: simulator.EffectError, Status: 404}, calls: 1,
			class: github.NotFound, says: "GitHub says 404"},
		"garbled, for ever": {fault: simulator.Fault{Match: of, Effect: simulator.EffectMalformed},
			class: github.Unknown,
			says:  "the response contains no token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				config := simulator.Config{}
				if c.fault.Effect != "" {
					config.Faults = []simulator.Fault{c.fault}
				}
				world := simulator.New(config)
				bearer := simulator.IDTokenBearer
				if c.bearer != "" {
					bearer = c.bearer
				}
				begun := time.Now()
				token, err := github.IDTokens{URL: simulator.IDTokenURL, Bearer: bearer,
					Transport: world.Transport()}.Get(t.Context(), "https://a b&c")
				took := time.Since(begun)
				if (err == nil) != (c.says == "") || (err == nil) != (strings.Count(token, ".") == 2) {
					t.Fatalf("got %q, %v", token, err)
				}
				if err != nil && (!strings.Contains(err.Error(), c.says) || github.ClassOf(err) != c.class) {
					t.Errorf("class %d: %v", github.ClassOf(err), err)
				}
				if err != nil && (strings.Contains(err.Error(), "idtoken/") || strings.Contains(err.Error(), bearer)) {
					t.Errorf("the address or the bearer is told: %v", err)
				}
				calls := world.Calls()
				if c.calls > 0 && len(calls) != c.calls || c.calls == 0 && (len(calls) < 3 || took < 30*time.Second) ||
					took > time.Minute {
					t.Errorf("%d calls in %s", len(calls), took)
				}
				if got := calls[0].Params["audience"]; got != "https://a b&c" {
					t.Errorf("audience %q", got)
				}
			})
		})
	}
}

package refusal

import (
	"encoding/base64"
	"testing"
)

// FuzzClaims: no token causes a panic when it is read for a message.
func FuzzClaims(f *testing.F) {
	body := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://token.actions.githubusercontent.com",` +
		`"sub":"repo:o/r:ref:refs/heads/main","aud":"sts.amazonaws.com"}`))
	for _, token := range []string{"", "a.b.c", "..", "e30." + body + ".x", "e30.e30.e30", "e30.W10.x", "e30." + body +
		"=.x"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got := claimsOf(token)
		if token == "e30."+body+".x" && (got.Subject != "repo:o/r:ref:refs/heads/main" ||
			got.Audience != "sts.amazonaws.com") {
			t.Errorf("claims %+v", got)
		}
		s := SignIn{ARN: token, Token: token}
		for _, hint := range []func() string{s.trust, s.provider, s.audience, s.mayNot, s.duration, s.region} {
			if hint() == "" {
				t.Errorf("no hint for %q", token)
			}
		}
	})
}

// TestSignInHintsHaveATopic: each hint of a refused sign-in leads to an entry of docs/troubleshooting.md.
func TestSignInHintsHaveATopic(t *testing.T) {
	sample := SignIn{ARN: "arn:aws:iam::111122223333:role/github-runners"}
	topics := map[string]bool{}
	see := func(hint string) {
		topic := TopicOf(&SignInError{Hint: hint})
		if topic == "" {
			t.Errorf("no topic for %q", hint)
		}
		topics[topic] = true
	}
	see(hintNoAnswer)
	see(sample.source())
	for _, line := range signInRefusals {
		if line.hint != nil {
			see(line.hint(sample))
		}
	}
	if len(topics) != 11 {
		t.Errorf("%d topics: %v", len(topics), topics)
	}
}

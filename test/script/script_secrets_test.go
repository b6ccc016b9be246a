package script

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// secrets are the secrets that GitHub has handed out in a world.
type secrets struct {
	mu      sync.Mutex
	list    []string // of registrations
	signIns []string // of sign-ins
	judged  int      // how many of signIns earlier steps were checked for
	ofSets  []string // of the service of scale sets
}

// learn records a registration token or JIT configuration from an answer.
func (s *secrets) learn(status int, answer []byte) {
	var made struct {
		Token string `json:"token"`
		JIT   string `json:"encoded_jit_config"`
	}
	if status != http.StatusCreated || json.Unmarshal(answer, &made) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range []string{made.Token, made.JIT} {
		if secret != "" {
			s.list = append(s.list, secret)
		}
	}
}

// signInSecret matches a secret in an answer of STS or of the OIDC endpoint.
var signInSecret = regexp.MustCompile(`<(?:SecretAccessKey|SessionToken)>([^<]+)<|"value":"([^"]+)"`)

// learnSignIn records OIDC tokens and the secrets of sessions from an answer.
func (s *secrets) learnSignIn(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range signInSecret.FindAllSubmatch(answer, -1) {
		s.signIns = append(s.signIns, string(found[1])+string(found[2]))
	}
}

func (s *secrets) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.list, s.signIns)
}

// learnWebToken records a JSON web token, by which a GitHub App signs in. It needs no mask, since it never leaves the
// program.
func (s *secrets) learnWebToken(authorization string) {
	token, isBearer := strings.CutPrefix(authorization, "Bearer ")
	if !isBearer || strings.Count(token, ".") != 2 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, token)
}

// kept checks that a step kept every secret: none is in the log except in a mask, none in a file, and those from the
// environment were masked before any other output.
func (s *secrets) kept(ts *testscript.TestScript, log string, given, files []string, exit int) {
	known := s.all()
	outside := append(given, ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"),
		ts.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
	// A dummy, not a real key.
	outside = slices.DeleteFunc(outside, func(key string) bool { return key == "test" })
	masked := map[string]bool{}
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if secret, ok := strings.CutPrefix(line, "::add-mask::"); ok {
			masked[secret] = true
			continue
		}
		for _, secret := range append(known, outside...) {
			if secret != "" && strings.Contains(line, secret) {
				ts.Fatalf("the log contains a secret: %s", line)
			}
		}
		for _, secret := range outside {
			if secret != "" && !masked[secret] {
				ts.Fatalf("output before the secrets of the environment were masked: %s", line)
			}
		}
	}
	// An App's own tokens must be masked, and the newest secret of a registration: those of earlier steps are known
	// too.
	isOfApp := func(secret string) bool { return strings.HasPrefix(secret, "ghs_") || strings.Count(secret, ".") == 2 }
	if strings.Contains(log, "signed in at GitHub") && !slices.ContainsFunc(known,
		func(k string) bool { return isOfApp(k) && masked[k] }) {
		ts.Fatalf("the App's installation token was not masked")
	}
	s.mu.Lock()
	made, signIns := slices.DeleteFunc(slices.Clone(s.list), isOfApp), slices.Clone(s.signIns[s.judged:])
	s.judged = len(s.signIns)
	s.mu.Unlock()
	if exit == 0 && len(made) > 0 && !masked[made[len(made)-1]] && strings.Contains(log, "is received") {
		ts.Fatalf("the registration's secret was not masked")
	}
	if exit == 0 && len(signIns) > 0 && !masked[signIns[len(signIns)-1]] {
		ts.Fatalf("a secret of the sign-in was not masked")
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, secret := range append(known, outside...) {
			if secret != "" && strings.Contains(string(text), secret) {
				ts.Fatalf("%s contains a secret", path)
			}
		}
	}
}

package script

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// otherKey is a key that no App of a world has.
var otherKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// writeAppKeys writes the private key of a world's Apps as GitHub hands it out, and in the forms in which people store
// it as a secret.
func writeAppKeys(ts *testscript.TestScript, world *simulator.World) {
	key := world.AppKey()
	der8, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	other, err := otherKey()
	ts.Check(err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	ts.Check(err)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	plain := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	escaped := strings.ReplaceAll(plain, "\n", `\n`)
	for name, text := range map[string]string{
		"app.pem": plain, "app.pkcs8": block("PRIVATE KEY", der8), "app.crlf": strings.ReplaceAll(plain, "\n", "\r\n"),
		"app.escaped": escaped, "app.quoted": `"` + escaped + `"`,
		"app.base64":  base64.StdEncoding.EncodeToString([]byte(plain)),
		"app.oneline": strings.ReplaceAll(plain, "\n", " "), "app.public": block("PUBLIC KEY", public),
		"app.cut":   plain[:len(plain)/2],
		"app.other": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(other)),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// appKeyLines returns the parts of an App's private key, in any of its forms, that no output may contain.
func appKeyLines(value string) []string {
	text := strings.ReplaceAll(strings.Trim(value, `" `), `\n`, "\n")
	var lines []string
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		lines = append(lines, strings.TrimSpace(value))
		text = string(decoded)
	}
	for _, line := range strings.Fields(text) {
		const lineOfPEM = 64
		if len(line) == lineOfPEM {
			lines = append(lines, line)
		}
	}
	return lines
}

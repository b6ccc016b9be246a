package github_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/github"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// forms are an RSA key in GitHub's format and in the forms in which it is stored in secrets.
func forms(t *testing.T) map[string]string {
	t.Helper()
	plain := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	lines := strings.Split(strings.TrimSpace(plain), "\n")
	escaped := strings.ReplaceAll(plain, "\n", `\n`)
	return map[string]string{
		"PKCS#1":                    plain,
		"PKCS#8":                    block("PRIVATE KEY", pkcs8(t, testKey())),
		"PKCS#8 under the old name": block("RSA PRIVATE KEY", pkcs8(t, testKey())),
		"CRLF":                      strings.ReplaceAll(plain, "\n", "\r\n"),
		"CR":                        strings.ReplaceAll(plain, "\n", "\r"),
		`literal \n`:                escaped,
		`literal \r\n`:              strings.ReplaceAll(plain, "\n", `\r\n`),
		"in quotes":                 `"` + escaped + `"`,
		"in single quotes":          "'" + plain + "'",
		"blanks around":             "\n  " + plain + " \n\n",
		"byte order mark":           "\ufeff" + plain,
		"indented":                  strings.ReplaceAll(plain, "\n", "\n    "),
		"blanks for line breaks":    strings.Join(lines, " "),
		"no line breaks":            strings.Join(lines, ""),
		"text before and after":     "Key of runner-app:\n" + plain + "\n-- end --\n",
		"base64":                    base64.StdEncoding.EncodeToString([]byte(plain)),
		"base64 in lines":           wrap(base64.StdEncoding.EncodeToString([]byte(plain)), 76),
		"base64 without padding":    base64.RawStdEncoding.EncodeToString([]byte(plain)),
		"base64 for URLs":           base64.URLEncoding.EncodeToString([]byte(plain)),
		"base64 of CRLF":            base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(plain, "\n", "\r\n"))),
		"base64 in quotes":          `"` + base64.StdEncoding.EncodeToString([]byte(plain)) + `"`,
		"body alone":                strings.Join(lines[1:len(lines)-1], "\n"),
	}
}

func wrap(text string, width int) string {
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	return b.String() + text
}

func TestReadKeyAsPeoplePasteIt(t *testing.T) {
	t.Parallel()
	for name, text := range forms(t) {
		key, err := github.ReadKey(text)
		if err != nil || !key.Equal(testKey()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadKeyNamesWhatItIs(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curveDER, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(testKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	plain := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "not a private key in PEM"},
		"a word":            {"secret", "not a private key in PEM"},
		"a path":            {"/home/me/app.pem", "not a private key in PEM"},
		"a client secret":   {strings.Repeat("0123456789", 4), "client secret"},
		"a fingerprint":     {"SHA256:" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "fingerprint"},
		"a public key":      {block("PUBLIC KEY", public), "public key"},
		"an RSA public key": {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&testKey().PublicKey)), "public key"},
		"a certificate":     {block("CERTIFICATE", []byte("x")), "certificate"},
		"an EC key":         {block("EC PRIVATE KEY", curveDER), "for EC"},
		"an EC key, PKCS#8": {block("PRIVATE KEY", pkcs8(t, curve)), "for EC"},
		"an Ed25519 key":    {block("PRIVATE KEY", pkcs8(t, edwards)), "for Ed25519"},
		"an SSH key":        {block("OPENSSH PRIVATE KEY", []byte("x")), "SSH key"},
		"encrypted":         {block("ENCRYPTED PRIVATE KEY", []byte("x")), "passphrase"},
		"encrypted, old form": {strings.Replace(plain, "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
			1),
			"passphrase"},
		"cut off":        {plain[:len(plain)/2], "cut off"},
		"a line lost":    {strings.Replace(plain, strings.Split(plain, "\n")[5]+"\n", "", 1), "damaged or incomplete"},
		"a sign changed": {strings.Replace(plain, "\nM", "\n*", 1), "not base64"},
		"masked":         {"-----BEGIN RSA PRIVATE KEY-----\n***\n-----END RSA PRIVATE KEY-----", "not base64"},
		"base64 twice": {base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(plain)))),
			"not a private key in PEM"},
	} {
		_, err := github.ReadKey(c.text)
		bad, ok := errors.AsType[*github.KeyError](err)
		if !ok || !strings.Contains(bad.Problem, c.want) || bad.Hint == "" {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Any pasted text results in a key or a reason, and the reason contains nothing of the text.
func FuzzReadKey(f *testing.F) {
	plain := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	f.Add(plain)
	f.Add(strings.ReplaceAll(plain, "\n", `\n`))
	f.Add(base64.StdEncoding.EncodeToString([]byte(plain)))
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
	f.Add("-----BEGIN RSA PRIVATE KEY-----")
	f.Add("SHA256:abc=")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := github.ReadKey(text)
		if err == nil {
			if err := key.Validate(); err != nil {
				t.Errorf("a key that does not hold: %v", err)
			}
			return
		}
		bad, ok := errors.AsType[*github.KeyError](err)
		if !ok || bad.Problem == "" || bad.Hint == "" {
			t.Fatalf("no reason: %v", err)
		}
		for _, line := range strings.Fields(text) {
			if len(line) > 20 && !strings.Contains(line, "-----") && strings.Contains(err.Error()+bad.Hint, line) {
				t.Errorf("the reason holds the text: %v", err)
			}
		}
	})
}

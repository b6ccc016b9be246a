package github

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// KeyError is why a text is not an App's private key. It contains nothing of the text.
type KeyError struct {
	Problem string // completes "The 'app-private-key' input …"
	Hint    string
}

func (e *KeyError) Error() string { return "the App's private key " + e.Problem }

const hintKey = "generate a private key under General > Private keys of the App's settings, and store the whole .pem " +
	"file as a secret: gh secret set RUNNER_APP_KEY < FILE.pem"

func badKey(format string, args ...any) *KeyError {
	return &KeyError{Problem: fmt.Sprintf(format, args...), Hint: hintKey}
}

// armor matches one block of PEM, whatever has become of its line breaks.
var armor = regexp.MustCompile(`(?s)-----\s*BEGIN ([A-Z0-9 ]+?)\s*-----(.*?)-----\s*END `)

// ReadKey parses an App's private key as people paste it: PEM of an RSA key in PKCS#1 (GitHub's format) or PKCS#8, with
// CRLF, literal \n or spaces for line breaks, quoted, indented, or base64 of any of these. The error is a *KeyError.
func ReadKey(text string) (*rsa.PrivateKey, error) {
	return readKey(text, true)
}

func readKey(text string, mayBeEncoded bool) (*rsa.PrivateKey, error) {
	text = unescaped(text)
	if found := armor.FindStringSubmatch(text); found != nil {
		return readBlock(found[1], found[2])
	}
	switch {
	case strings.Contains(text, "-----BEGIN"):
		return nil, badKey("is cut off: its line -----END … is missing")
	case fingerprint.MatchString(text):
		return nil, badKey("holds the fingerprint of a key, not the key")
	case clientSecret.MatchString(text):
		return nil, badKey("holds a client secret of the App, not its private key")
	}
	if der, err := fromBase64(text); err == nil && mayBeEncoded {
		if strings.Contains(string(der), "-----BEGIN") {
			return readKey(string(der), false)
		}
		if key, err := parseKey(der); err == nil { // only the lines between BEGIN and END
			return key, nil
		}
	}
	return nil, badKey("is not a private key in PEM, which begins with -----BEGIN RSA PRIVATE KEY-----")
}

// The forms of other values on the App's page.
var (
	fingerprint  = regexp.MustCompile(`^SHA256:[A-Za-z0-9+/=]+$`)
	clientSecret = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// unescaped reverts what shells, JSON and forms do to text of several lines.
func unescaped(text string) string {
	text = strings.NewReplacer("\ufeff", "", `\r`, "", `\n`, "\n", "\r", "\n").Replace(text)
	return strings.Trim(strings.TrimSpace(text), "\"'`")
}

// readBlock parses a block of PEM by its label.
func readBlock(kind, body string) (*rsa.PrivateKey, error) {
	switch {
	case strings.Contains(kind, "ENCRYPTED"), strings.Contains(body, "ENCRYPTED"):
		return nil, &KeyError{
			"is protected by a passphrase",
			"take the file as GitHub handed it out, or remove the passphrase: openssl rsa -in FILE.pem -traditional",
		}
	case strings.Contains(kind, "PUBLIC KEY"):
		return nil, badKey("holds a public key, not the private one")
	case strings.Contains(kind, "CERTIFICATE"):
		return nil, badKey("holds a certificate, not a private key")
	case strings.Contains(kind, "OPENSSH"):
		return nil, badKey("holds an SSH key; GitHub generates the keys of Apps itself")
	case strings.HasPrefix(kind, "EC "), strings.HasPrefix(kind, "DSA "):
		return nil, badKey("holds a key for %s; a GitHub App's key is for RSA", strings.Fields(kind)[0])
	}
	der, err := fromBase64(body)
	if err != nil {
		return nil, badKey("is damaged: between its first and its last line stands something that is not base64")
	}
	return parseKey(der)
}

// parseKey parses PKCS#1 or PKCS#8, whatever the label: some tools convert the key and keep the label.
func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return strong(key)
	}
	any8, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, badKey("is damaged or incomplete: no key can be read between its first and its last line")
	}
	switch key := any8.(type) {
	case *rsa.PrivateKey:
		return strong(key)
	case *ecdsa.PrivateKey:
		return nil, badKey("holds a key for EC; a GitHub App's key is for RSA")
	case ed25519.PrivateKey:
		return nil, badKey("holds a key for Ed25519; a GitHub App's key is for RSA")
	}
	return nil, badKey("holds a key of an unknown kind; a GitHub App's key is for RSA")
}

// minKeyBits is the smallest key that crypto/rsa signs with. GitHub's keys have 2048 bits.
const minKeyBits = 1024

func strong(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if bits := key.N.BitLen(); bits < minKeyBits {
		return nil, badKey("has %d bits, and GitHub's keys have 2048", bits)
	}
	return key, nil
}

// fromBase64 decodes base64 of either alphabet, padded or not, with white space anywhere.
func fromBase64(text string) ([]byte, error) {
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	if text == "" {
		return nil, errors.New("nothing to decode")
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	return base64.RawStdEncoding.DecodeString(text)
}

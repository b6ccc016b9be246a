package action

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
)

// TestKeyMasks: an App's key is masked as given, by line and in base64, but its armor lines are not.
func TestKeyMasks(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plain := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	lines := strings.Split(strings.TrimSpace(plain), "\n")
	body, encoded := lines[1:len(lines)-1], base64.StdEncoding.EncodeToString([]byte(plain))
	escaped := strings.ReplaceAll(plain, "\n", `\n`)
	for name, c := range map[string]struct {
		text  string
		extra []string
	}{
		"PEM":        {plain, nil},
		"CRLF":       {strings.ReplaceAll(plain, "\n", "\r\n"), nil},
		"escaped":    {escaped, []string{escaped}},
		"quoted":     {`"` + escaped + `"`, []string{`"` + escaped + `"`}},
		"base64":     {encoded, nil},
		"one line":   {strings.Join(lines, " "), []string{strings.Join(lines, " ")}},
		"unreadable": {strings.Replace(plain, body[3]+"\n", "", 1), nil},
	} {
		masks := keyMasks(" " + c.text + "\n")
		want := append(slices.Clone(body), c.extra...)
		if name == "unreadable" {
			want = slices.Delete(want, 3, 4)
		} else {
			want = append(want, encoded)
		}
		for _, secret := range want {
			if !slices.Contains(masks, strings.TrimSpace(secret)) {
				t.Errorf("%s: %q is not masked", name, secret)
			}
		}
		for _, mask := range masks {
			if strings.Contains(mask, "\n") || mask == lines[0] || mask == lines[len(lines)-1] || mask == "" {
				t.Errorf("%s: %q is masked", name, mask)
			}
		}
		if len(masks) > len(want)+3 {
			t.Errorf("%s: %d masks, want about %d", name, len(masks), len(want))
		}
	}
	if masks := keyMasks(" "); len(masks) > 0 {
		t.Errorf("no key is masked as %q", masks)
	}
}

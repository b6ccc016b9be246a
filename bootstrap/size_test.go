package bootstrap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

func ordinary() Spec {
	return Spec{
		URL: "https://github.com/owner/repo", Name: "ec2-k3x9a", Labels: []string{"k3x9a"}, Token: noise(29, letters36),
		Software: []Software{
			{Architecture: "x64", URL: download("x64"), SHA256: strings.Repeat("0123456789abcdef", 4),
				Version: "2.330.0"},
			{Architecture: "arm64", URL: download("arm64"), SHA256: strings.Repeat("fedcba9876543210", 4),
				Version: "2.330.0"},
		},
		RegistrationTimeout: 450e9, MaxLifetime: 432000e9, KeepEnded: time.Hour,
	}
}

func download(architecture string) string {
	return fmt.Sprintf("https://github.com/actions/runner/releases/download/v2.330.0/"+
		"actions-runner-linux-%s-2.330.0.tar.gz", architecture)
}

const (
	letters36 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	letters64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	letters85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
)

// jitConfig has the length of a real configuration and is as hard to compress.
func jitConfig() string { return noise(4000, letters64) }

// TestOwnPart: the size of user data without the user's script. Without optional inputs it is at most 5,200 bytes; with
// all of them there is still room for a script.
func TestOwnPart(t *testing.T) {
	plain := Spec{
		Token: "x", NameByIndex: true, Machine: machine.Machine{PreRunnerScript: "x", Packages: []string{"x"},
			User:           "x",
			Service:        true,
			CACertificates: "x", SetupScript: "x"}, Debug: true,
	}.plain(false)
	reported := ordinary()
	reported.JobReport = true
	for _, c := range []struct {
		name  string
		plain script
		limit int
	}{
		{name: "ordinary", plain: ordinary().plain(false), limit: 5200},
		{name: "warm-up", plain: warm().plain(false), limit: 6 * 1024},
		{name: "everything", plain: plain, limit: 7 * 1024},
		{name: "job-report", plain: reported.plain(false), limit: 9728},
	} {
		size := len(compress(c.plain))
		t.Logf("%s: %d bytes", c.name, size)
		if size > c.limit {
			t.Errorf("%s: own part is %d bytes, want at most %d", c.name, size, c.limit)
		}
	}
}

// TestWhatFitsMachulavFits: machulav's user data is 16 KB uncompressed. Its own part takes 1,176 bytes with a token,
// 1,061 and the configuration with JIT, and 7 for each line of the script. The longest scripts that fit there, made of
// letters that cannot be compressed below their entropy, fit here too. Only longer random scripts of all 95 printable
// characters do not: see docs/adr/0012-distributions.md.
func TestWhatFitsMachulavFits(t *testing.T) {
	for _, c := range []struct {
		name, letters string
		width         int
		jit           bool
	}{
		{"base64 in lines", letters64, 76, false},
		{"base64 in lines, by JIT", letters64, 76, true},
		{"base64 in one line", letters64, Limit, false},
		{"base64 in one line, by JIT", letters64, Limit, true},
		{"base85 in lines", letters85, 76, false},
		{"base85 in lines, by JIT", letters85, 76, true},
		{"printable, shorter", printable, 13900, false},
		{"printable, shorter, by JIT", printable, 10500, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, room := ordinary(), Limit-1176
			s.OtherName = s.Name + "-k3x9" // of a start whose label is given
			if c.jit {
				s.JITConfig, s.Token, s.OtherName = jitConfig(), "", ""
				room = Limit - 1061 - len(s.JITConfig)
			}
			s.PreRunnerScript = lines(noise(room, c.letters), c.width, room)
			if c.letters == printable {
				s.PreRunnerScript = noise(c.width, printable)
			}
			data, err := s.UserData()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes of script make %d bytes of user data", len(s.PreRunnerScript), len(data))
		})
	}
}

// lines divides text into lines that fill the room, where each line costs 7 bytes extra.
func lines(text string, width, room int) string {
	var b strings.Builder
	for room > 7 {
		n := min(width, room-7)
		b.WriteString(text[:n] + "\n")
		text, room = text[n:], room-n-7
	}
	return b.String()
}

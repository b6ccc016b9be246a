package bootstrap

import (
	"fmt"
	"strings"
	"testing"
)

func ordinary() Spec {
	return Spec{
		URL: "https://github.com/owner/repo", Name: "ec2-k3x9a", Labels: []string{"k3x9a"}, Token: noise(29, letters36),
		Software: []Software{
			{Architecture: "x64", URL: download("x64"), SHA256: strings.Repeat("0123456789abcdef", 4), Version: "2.330.0"},
			{Architecture: "arm64", URL: download("arm64"), SHA256: strings.Repeat("fedcba9876543210", 4), Version: "2.330.0"},
		},
		RegistrationTimeout: 450e9, MaxLifetime: 432000e9,
	}
}

func download(architecture string) string {
	return fmt.Sprintf("https://github.com/actions/runner/releases/download/v2.330.0/actions-runner-linux-%s-2.330.0.tar.gz", architecture)
}

const (
	letters36 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	letters64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	letters85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
)

// jitConfig is as long as a real one and compresses as badly.
func jitConfig() string { return noise(4000, letters64) }

// TestOwnPart: what is ours in the user data, whatever the user adds to it.
func TestOwnPart(t *testing.T) {
	everything := full()
	everything.Service = true
	for name, s := range map[string]Spec{"ordinary": ordinary(), "asking GitHub": {Token: "A"}, "everything": everything} {
		data, err := s.UserData()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, len(data))
		if len(data) > 6*1024 {
			t.Errorf("%s: own part is %d bytes, want at most 6 KB", name, len(data))
		}
	}
}

// TestWhatFitsMachulavFits: machulav's user data is 16 KB uncompressed. Its own part takes 1,176 bytes
// by token and 1,061 and the configuration by JIT, and 7 for each line of the script. The longest
// scripts, of letters that no compressor shortens by much, fit ours too.
func TestWhatFitsMachulavFits(t *testing.T) {
	for _, letters := range []struct{ name, letters string }{{"base64", letters64}, {"base85", letters85}, {"printable", printable}} {
		for _, jit := range []bool{false, true} {
			for _, width := range []int{76, 100000} {
				t.Run(fmt.Sprintf("%s/jit=%v/width=%d", letters.name, jit, width), func(t *testing.T) {
					s := ordinary()
					room := Limit - 1176
					if jit {
						s.JITConfig, s.Token = jitConfig(), ""
						room = Limit - 1061 - len(s.JITConfig)
					}
					var script strings.Builder
					random := noise(room+1, letters.letters)[1:]
					for room > 7 {
						n := min(width, room-7, len(random))
						script.WriteString(random[:n] + "\n")
						random, room = random[n:], room-n-7
					}
					s.PreRunnerScript = script.String()
					data, err := s.UserData()
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%d bytes of script make %d of user data, of which ours %d", script.Len(), len(data), len(data)-compressedSize(t, s.PreRunnerScript))
				})
			}
		}
	}
}

func compressedSize(t *testing.T, text string) int {
	t.Helper()
	return len(compress(script{texts: []byte(text)}))
}

package bootstrap

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWithoutUpdate: only DisableUpdate changes, and nothing if there are no settings.
func TestWithoutUpdate(t *testing.T) {
	encode := func(files map[string][]byte) string {
		text, err := json.Marshal(files)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text)
	}
	credentials := []byte("any \x00 bytes <&>")
	jit := func(runner string) string {
		return encode(map[string][]byte{".runner": []byte(runner), ".credentials": credentials})
	}
	for _, settings := range []string{`{"AgentId":"12","DisableUpdate":"False","UseV2Flow":true}`,
		`{"AgentId":"12","UseV2Flow":true}`} {
		var files map[string][]byte
		text, err := base64.StdEncoding.DecodeString(withoutUpdate(jit(settings)))
		if err != nil || json.Unmarshal(text, &files) != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := `{"AgentId":"12","DisableUpdate":"True","UseV2Flow":true}`
		if diff := cmp.Diff(map[string][]byte{".runner": []byte(want), ".credentials": credentials},
			files); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for _, other := range []string{"", "not base64", encode(nil),
		encode(map[string][]byte{".credentials": credentials}),
		jit(`null`), jit(`[]`)} {
		if got := withoutUpdate(other); got != other {
			t.Errorf("%q becomes %q", other, got)
		}
	}
}

package bootstrap

import "testing"

// TestOwnPart: what is ours in the user data, whatever the user adds to it.
func TestOwnPart(t *testing.T) {
	data, err := Spec{URL: "https://github.com/owner/repo", Name: "ec2-k3x9a", Labels: []string{"k3x9a"}, Token: "AABBCC"}.UserData()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("own part: %d bytes", len(data))
	if len(data) > 6*1024 {
		t.Errorf("own part is %d bytes, want at most 6 KB", len(data))
	}
}

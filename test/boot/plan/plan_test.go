package plan

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestPlanArrives: the world inside reads what the test sets.
func TestPlanArrives(t *testing.T) {
	t.Parallel()
	want := Plan{
		InstanceID: "i-1", Version: "2.330.0", Least: "2.329.0", Rate: 1 << 20, Silent: time.Second, Cut: []int64{1, 2},
		Status: 503, StatusTimes: 2, SessionStatus: 500,
		Jobs: []Job{{Name: "a", Script: "echo 'x'\n", After: time.Minute}},
	}
	dir := t.TempDir()
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a folder without a plan has one")
	}
}

// TestJIT: a just-in-time configuration has the layout of GitHub's, base64 of files in base64, and anything else is
// refused.
func TestJIT(t *testing.T) {
	t.Parallel()
	want := Settings{AgentID: "12", AgentName: "ec2-k3x9a", Ephemeral: "True", DisableUpdate: "False",
		WorkFolder: "_work"}
	jit := EncodeJIT(want, "KEY")
	if got, err := DecodeJIT(jit); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	text, err := base64.StdEncoding.DecodeString(jit)
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]string
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(files[".credentials_rsaparams"])
	if err != nil || string(key) != "KEY" || files[".runner"] == "" || files[".credentials"] == "" {
		t.Errorf("its files are %v: %v", files, err)
	}
	encode := base64.StdEncoding.EncodeToString
	for _, bad := range []string{"?", encode([]byte("no object")), encode([]byte("{}"))} {
		if got, err := DecodeJIT(bad); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
}

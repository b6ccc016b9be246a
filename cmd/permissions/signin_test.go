package main

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAppForms: the addresses of GitHub's form, the manifest and the table request the same permissions, and the
// guide's address requests those of a repository.
func TestAppForms(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		want := map[string]string{}
		for _, g := range app.grants {
			want[g.name] = g.level
		}
		address, err := url.Parse(app.formAddress())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name := range address.Query() {
			got[name] = address.Query().Get(name)
		}
		// What the form takes beside permissions. A hook would need a server.
		for name, value := range map[string]string{"name": "MY-RUNNERS", "url": "https://github.com/OWNER/REPO",
			"public": "false", "webhook_active": "false"} {
			if got[name] != value {
				t.Errorf("%s: %s is %q, want %q", app.scope, name, got[name], value)
			}
			delete(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the form asks for (-want +got):\n%s", app.scope, diff)
		}
		text, err := app.manifest()
		if err != nil {
			t.Fatal(err)
		}
		var manifest struct {
			Public      bool              `json:"public"`
			Permissions map[string]string `json:"default_permissions"`
		}
		if err := json.Unmarshal([]byte(text), &manifest); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, manifest.Permissions); diff != "" || manifest.Public {
			t.Errorf("%s: the manifest asks for (-want +got), public %t:\n%s", app.scope, manifest.Public, diff)
		}
		if app.scope != "a repository" {
			continue
		}
		found := regexp.MustCompile(`(?m)^permissions='(.*)'$`).FindSubmatch(guide)
		if found == nil {
			t.Fatal("the guide names no permissions of the App")
		}
		asked, err := url.ParseQuery(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		for name := range asked {
			of[name] = asked.Get(name)
		}
		if diff := cmp.Diff(want, of); diff != "" {
			t.Errorf("the guide asks for (-want +got):\n%s", diff)
		}
	}
}

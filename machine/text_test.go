package machine

import "testing"

// TestNearest: the most likely meaning of a misspelt name, or "" if no name is similar.
func TestNearest(t *testing.T) {
	names := []string{"subnet-id", "security-group-id", "label", "spot", "mode"}
	for name, want := range map[string]string{
		"subnet_id": "subnet-id", "Subnet-Id": "subnet-id", "security-group": "security-group-id",
		"securty-group-id": "security-group-id",
		"lable":            "label", "sopt": "spot", "modes": "mode", "region": "", "": "", "x": "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestPlainNumber: numbers are formatted as JavaScript does, unless that would change them.
func TestPlainNumber(t *testing.T) {
	for literal, want := range map[string]string{
		"100": "100", "100.0": "100", "1e3": "1000", "1.50": "1.5", "-2.0": "-2", "1E-2": "0.01", "1e21": "1e21",
		"1e400": "1e400", "007": "007", "x": "x",
	} {
		if got := PlainNumber(literal); got != want {
			t.Errorf("%s: got %s, want %s", literal, got, want)
		}
	}
}

// TestText: a YAML value becomes the text that a user would have written for the input.
func TestText(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"market", nil, ""},
		{"market", "spot", "spot"},
		{"ec2-volume-size", 30, "30"},
		{"debug", true, "true"},
		{"market", []any{"spot", "on-demand"}, "spot,on-demand"},
		{"packages", []any{"git", "jq"}, `["git","jq"]`},
		{"aws-resource-tags", []any{map[string]any{"Key": "a", "Value": "b"}}, `[{"Key":"a","Value":"b"}]`},
		{"metadata-options", map[string]any{"HttpTokens": "required"}, `{"HttpTokens":"required"}`},
	} {
		if got := Text(c.name, c.value); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

// TestIsRegion: only the form matters, since a list of regions would become outdated.
func TestIsRegion(t *testing.T) {
	for name, want := range map[string]bool{
		"us-east-1": true, "eu-west-12": true, "us-gov-west-1": true, "mx-central-1": true, "us-east-1a": false,
		"US-EAST-1": false, "us-east": false, "": false, "us-east-1 ": false,
	} {
		if got := IsRegion(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

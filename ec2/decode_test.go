package ec2_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// TestBlockDeviceMappings: lenient where EC2's form encoding and JavaScript were; errors and warnings name the
// position.
func TestBlockDeviceMappings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		len  int
		odd  string
		err  string
	}{
		{"", 0, "", ""},
		{"  \n", 0, "", ""},
		{"[]", 0, "", ""},
		{"{}", 0, "", ""},
		{"null", 0, "", ""},
		{`[{"DeviceName":"/dev/sda1","Ebs":{"VolumeSize":"100","Iops":3000.0}}]`, 1,
			"[0].Ebs.Iops is 3000.0, which is read as 3000", ""},
		{`[{"Ebs":{"VolumeSize":1e2}}]`, 1, "[0].Ebs.VolumeSize is 1e2, which is read as 100", ""},
		{`[{"Ebs":{"VolumeSize":100.5}}]`, 0, "", `[0].Ebs.VolumeSize must be a whole number, not 100.5`},
		{`[{"Ebs":{"VolumeSize":"100.0"}}]`, 0, "", `[0].Ebs.VolumeSize must be a whole number, not "100.0"`},
		{`[{"Ebs":{"VolumeSize":1e30}}]`, 0, "", `[0].Ebs.VolumeSize must be a whole number, not 1e30`},
		{`[{"DeviceName":"/dev/sda1","Ebs":{"VolumeSize":"100","Encrypted":"true"}},` +
			`{"VirtualName":"ephemeral0","NoDevice":""}]`, 2, "", ""},
		{`[{"DeviceName":7,"Unknown":{"a":[1]},"Ebs":[]}]`, 1, "", ""},
		{`[{"DeviceName":"/dev/sda1","Ebs":["gp3"]}]`, 1, "[0].Ebs is a list and not an object, so it is ignored", ""},
		{`[null]`, 1, "", ""},
		{`[{"Ebs":{"Encrypted":"yes"}}]`, 0, "", `[0].Ebs.Encrypted must be true or false, not "yes"`},
		{`[{"Ebs":"gp3"}]`, 0, "", `[0].Ebs must be an object, not "gp3"`},
		{`[{"DeviceName":["a"]}]`, 0, "", `[0].DeviceName must be a single value, not a list`},
		{`{"DeviceName":"a"}`, 0, "the value is an object and not a list, so it is ignored", ""},
		{`5`, 0, "the value is 5 and not a list, so it is ignored", ""},
		{`""`, 0, `the value is "" and not a list, so it is ignored`, ""},
		{`"x"`, 0, "", `the value must be a list, not "x"`},
		{"[\n  {]", 0, "", `line 2, column 4: invalid character ']'`},
		{"[\n {", 0, "", `line 2, column 3: the text ends too early`},
		{"[] []", 0, "", `line 1, column 5: more text after the value`},
	} {
		devices, odd, err := ec2.CheckParameter("block-device-mappings", c.text)
		var list []any
		if devices != "" && json.Unmarshal([]byte(devices), &list) != nil {
			t.Errorf("%s: %s", c.text, devices)
		}
		switch {
		case c.err == "" && (err != nil || len(list) != c.len || strings.Join(odd, "; ") != c.odd):
			t.Errorf("%s: %d mappings, want %d; %q, want %q: %v", c.text, len(list), c.len, odd, c.odd, err)
		case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)):
			t.Errorf("%s: %v, want %s", c.text, err, c.err)
		}
	}
}

// TestMetadataOptions: an empty list stands for an empty object, which is not sent.
func TestMetadataOptions(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]string{
		"": "", "{}": "", "[]": "", "null": "", `{"HttpTokens":"required","HttpPutResponseHopLimit":"2"}`: "",
		`{"HttpPutResponseHopLimit":2,"New":1}`: "",
		`["required"]`:                          "", `true`: "",
		`"required"`:                           `the value must be an object, not "required"`,
		`{"HttpPutResponseHopLimit":"many"}`:   `HttpPutResponseHopLimit must be a whole number, not "many"`,
		`{"HttpTokens":{"required":"always"}}`: "HttpTokens must be a single value, not an object",
	} {
		_, odd, err := ec2.CheckParameter("metadata-options", text)
		if want := text == `["required"]` || text == "true"; (len(odd) > 0) != want {
			t.Errorf("%s: %q", text, odd)
		}
		if got := ""; (err == nil) != (wrong == "") || (err != nil && err.Error() != wrong) {
			t.Errorf("%s: %v%s, want %q", text, err, got, wrong)
		}
	}
}

// FuzzParse: no text causes a panic, and every refusal is one line with what is wrong and where.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`[{"DeviceName":"/dev/sda1","Ebs":{"VolumeSize":"100"}}]`, `{"HttpTokens":"required"}`, `[[[[`, `{"a":1e999}`,
		"\xff",
		`[{"Ebs":{"VolumeSize":1e3}}]`, "[]x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, input := range []string{"block-device-mappings", "metadata-options", "launch-parameters"} {
			_, _, err := ec2.CheckParameter(input, text)
			if err != nil && (err.Error() == "" || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%q: %q", text, err)
			}
		}
	})
}

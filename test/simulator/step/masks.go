package step

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Masks are the texts that GitHub's runner hides in a job, and for which it drops the job's outputs.
//
// A secret is masked whole and line by line; there is no shortest length, so that a secret of JSON over several lines
// masks each brace that stands alone on its line. Each mask also counts in other forms: as base64 from its first,
// second and third byte on, and escaped for JSON, addresses, XML, expressions and command lines. (actions/runner:
// Worker.cs InitializeSecretMasker, SecretMasker.cs, ValueEncoders.cs)
type Masks struct{ texts []string }

// NewMasks are the masks of a job with secrets.
func NewMasks(secrets ...string) *Masks {
	m := &Masks{}
	for _, secret := range secrets {
		secret = strings.TrimSpace(secret)
		m.Add(secret)
		for _, line := range strings.FieldsFunc(secret, func(c rune) bool { return c == '\r' || c == '\n' }) {
			m.Add(strings.TrimSpace(line))
		}
	}
	return m
}

// AddLog adds the masks that a step asks for by ::add-mask::.
func (m *Masks) AddLog(log string) {
	unescape := strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n")
	for line := range strings.Lines(log) {
		if value, found := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "::add-mask::"); found {
			m.Add(unescape.Replace(value))
		}
	}
}

// Add adds one mask with its other forms.
func (m *Masks) Add(value string) {
	if value == "" {
		return
	}
	forms := []string{
		value, strings.ReplaceAll(value, `"`, `\"`), strings.ReplaceAll(value, "'", "''"), jsonEscape(value),
		strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(value),
	}
	if len(value) > 8 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
		forms = append(forms, value[1:len(value)-1])
	}
	for offset := range min(3, len(value)) {
		forms = append(forms, base64.RawStdEncoding.EncodeToString([]byte(value)[offset:]),
			base64.RawURLEncoding.EncodeToString([]byte(value)[offset:]))
	}
	for _, form := range forms {
		if !slices.Contains(m.texts, form) {
			m.texts = append(m.texts, form)
		}
	}
}

func jsonEscape(value string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a string can always be encoded
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
}

// Hides returns the mask that a text contains, empty if it contains none.
func (m *Masks) Hides(text string) string {
	for _, mask := range m.texts {
		if strings.Contains(text, mask) {
			return mask
		}
	}
	return ""
}

// JobOutput is what the next job gets of an output: nothing where it contains a masked text.
// (actions/runner: JobExtension.cs FinalizeJob, "Skip output … since it may contain secret")
func (m *Masks) JobOutput(value string) string {
	if m.Hides(value) != "" {
		return ""
	}
	return value
}

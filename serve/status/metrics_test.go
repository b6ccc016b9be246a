package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
)

// TestMetrics: Prometheus' own parser reads every metric, and there is no other than the list has. What follows is of
// the Go runtime and the process.
func TestMetrics(t *testing.T) {
	t.Parallel()
	response, text := get(t, full(), counted(), "/metrics")
	if got := expfmt.ResponseFormat(response.Header); got.FormatType() != expfmt.TypeTextPlain {
		t.Errorf("the format is %q", got)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, m := range List {
		family := families[prefix+m.Name]
		if family == nil {
			t.Errorf("no %s", m.Name)
			continue
		}
		if got := strings.ToLower(family.GetType().String()); got != m.Type || family.GetHelp() != m.Help {
			t.Errorf("%s is a %s, %q; want a %s, %q", m.Name, got, family.GetHelp(), m.Type, m.Help)
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName())
			}
			slices.Sort(labels)
			want := slices.DeleteFunc(strings.Split(m.Labels, ","), func(l string) bool { return l == "" })
			slices.Sort(want)
			if !slices.Equal(labels, want) {
				t.Errorf("%s has the labels %v, want %v", m.Name, labels, want)
			}
		}
	}
	for name := range families {
		own, ok := strings.CutPrefix(name, prefix)
		if ok && !slices.ContainsFunc(List, func(m Metric) bool { return m.Name == own }) {
			t.Errorf("%s is not in the list", own)
		}
	}
	if families["process_resident_memory_bytes"] == nil || families["go_goroutines"] == nil {
		t.Error("no metrics of the process")
	}
	for name, want := range map[string]string{"session": "ec2-amd64", "machines": "gpu",
		"refusals_total": strings.ToValidUTF8(hostile, "\uFFFD")} {
		found := false
		for _, metric := range families[prefix+name].GetMetric() {
			for _, pair := range metric.GetLabel() {
				found = found || pair.GetName() == "set" && pair.GetValue() == want
			}
		}
		if !found {
			t.Errorf("%s has nothing of the set %q", name, want)
		}
	}
}

// TestMetricsText pins what an operator's rules read.
func TestMetricsText(t *testing.T) {
	t.Parallel()
	_, text := get(t, full(), counted(), "/metrics")
	var own strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, prefix) {
			own.WriteString(line)
		}
	}
	golden(t, "metrics.txt", own.String())
}

// TestNeverLooked: a process that has never seen all machines and runners has an age of its last look, so that the
// alert on it works.
func TestNeverLooked(t *testing.T) {
	t.Parallel()
	_, text := get(t, Snapshot{At: at, Started: ago(7 * time.Minute)}, NewMetrics(), "/metrics")
	if !strings.Contains(text, "\n"+prefix+lookAge+" 420\n") {
		t.Errorf("no age of the last look in\n%s", text)
	}
}

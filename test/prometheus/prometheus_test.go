// Package prometheus holds the alerts and the dashboard of examples/scale-set against Prometheus' own parsers, and
// against what the program shows. It is a module of its own: those parsers bring forty others.
package prometheus

import (
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	root   = "../../"
	alerts = root + "examples/scale-set/alerts.yml"
	prefix = "ec2_github_runner_"
)

// shown are the labels of each metric that the program shows, by the golden text of its own test; those of the process
// have none of ours.
func shown(t *testing.T) map[string]map[string]bool {
	t.Helper()
	file, err := os.Open(root + "serve/status/testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := expfmt.NewTextParser(model.UTF8Validation)
	families, err := reader.TextToMetricFamilies(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]bool{"process_resident_memory_bytes": {}}
	for name, family := range families {
		known := map[string]bool{}
		for _, pair := range family.GetMetric()[0].GetLabel() {
			known[pair.GetName()] = true
		}
		found[name] = known
		if family.GetMetric()[0].GetHistogram() != nil {
			bucket := maps.Clone(known)
			bucket["le"] = true
			found[name+"_bucket"], found[name+"_sum"], found[name+"_count"] = bucket, known, known
		}
	}
	return found
}

// problems parses an expression, and looks for its metrics and their labels. Prometheus itself adds job and instance.
func problems(text string, known map[string]map[string]bool) (list []string) {
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return []string{err.Error()}
	}
	usable := map[string]bool{"job": true, "instance": true}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		labelsOf, shows := known[selector.Name]
		if !shows {
			list = append(list, "the program shows no metric "+selector.Name)
		}
		maps.Copy(usable, labelsOf)
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != labels.MetricName && !labelsOf[matcher.Name] {
				list = append(list, selector.Name+" has no label "+matcher.Name)
			}
		}
		return nil
	})
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		var used []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			used = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				used = n.VectorMatching.MatchingLabels
			}
		}
		for _, label := range used {
			if !usable[label] {
				list = append(list, "no metric has the label "+label)
			}
		}
		return nil
	})
	return list
}

// check fails where an expression has problems.
func check(t *testing.T, about, text string, known map[string]map[string]bool) {
	t.Helper()
	for _, problem := range problems(text, known) {
		t.Errorf("%s: %s, in %s", about, problem, text)
	}
}

// TestAlerts: Prometheus loads the file of alerts, and each reads what the program shows.
func TestAlerts(t *testing.T) {
	raw, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(raw, false, model.UTF8Validation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	known, rules := shown(t), 0
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			rules++
			check(t, rule.Alert, rule.Expr, known)
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" ||
				rule.Labels["severity"] == "" {
				t.Errorf("%s says too little", rule.Alert)
			}
		}
	}
	if rules < 8 {
		t.Errorf("only %d alerts", rules)
	}
}

// dashboard is what Grafana reads of its file, as far as expressions go.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

// variable is one of Grafana's, in an expression.
var variable = regexp.MustCompile(`\$__rate_interval|\$set\b`)

// TestDashboard: each expression of the dashboard is one, and reads what the program shows.
func TestDashboard(t *testing.T) {
	raw, err := os.ReadFile(root + "examples/scale-set/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	known, expressions := shown(t), 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expressions++
			check(t, panel.Title, variable.ReplaceAllStringFunc(target.Expr, func(name string) string {
				return map[string]string{"$__rate_interval": "5m", "$set": ".*"}[name]
			}), known)
		}
	}
	if expressions < 20 {
		t.Errorf("only %d expressions", expressions)
	}
	for _, v := range board.Templating.List {
		if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			metric, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
			if !known[metric][label] {
				t.Errorf("the variable %s asks %s for %s", v.Name, metric, label)
			}
		}
	}
}

// TestCheck: what does not exist is found.
func TestCheck(t *testing.T) {
	known := shown(t)
	if len(known) < 18 {
		t.Fatalf("shown are %v", known)
	}
	for _, text := range []string{prefix + "jobs", "sum(", prefix + `jobs_waiting{sets="a"}`,
		"sum by (sets) (" + prefix + "jobs_waiting)", prefix + "info and on (set) " + prefix + "info"} {
		if len(problems(text, known)) == 0 {
			t.Errorf("%s is not found wrong", text)
		}
	}
}

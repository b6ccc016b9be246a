package action

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/doctor"
)

// unfitError is returned by a check that found problems. They have been reported already.
type unfitError struct{ failed int }

func (e *unfitError) Error() string {
	return fmt.Sprintf("%d findings would make a start fail", e.failed)
}

// runCheck runs mode check: it examines what a start with the same inputs needs and creates nothing.
func runCheck(ctx context.Context, c clients) error {
	what, err := examination(c.request)
	if err != nil {
		return err
	}
	report := doctor.Examine(ctx, c.cloud, c.registry, what)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := c.out.report(report, c.request.Annotations); err != nil {
		return err
	}
	if failed := report.Count(doctor.Failed); failed > 0 {
		return &unfitError{failed}
	}
	return nil
}

// reportOutput is the value of the output `report`.
type reportOutput struct {
	OK        int              `json:"ok"`
	Failed    int              `json:"failed"`
	Warnings  int              `json:"warnings"`
	Unchecked int              `json:"not-checked"`
	Findings  []doctor.Finding `json:"findings"`
}

// report writes the findings to the log, the job summary and the output. annotations makes problems annotations.
func (o *output) report(report doctor.Report, annotations bool) error {
	for _, f := range report.Findings {
		o.logFinding(f, annotations)
	}
	total := reportOutput{
		report.Count(doctor.OK), report.Count(doctor.Failed), report.Count(doctor.Warning),
		report.Count(doctor.Unchecked),
		report.Findings,
	}
	o.log.Info(fmt.Sprintf("%d ok, %d failed, %d warnings, %d not checked", total.OK, total.Failed, total.Warnings,
		total.Unchecked))
	raw, err := json.Marshal(total)
	if err != nil {
		return fmt.Errorf("write output %s: %w", outReport, err)
	}
	o.action.SetOutput(outReport, string(raw))
	o.summarize(reportSummary(total))
	return nil
}

func (o *output) logFinding(f doctor.Finding, annotations bool) {
	text := title(f) + ": " + f.Reason
	switch {
	case annotations && f.Result == doctor.Failed:
		o.log.Error(text)
	case annotations && f.Result == doctor.Warning:
		o.log.Warn(text)
	default:
		o.log.Info(string(f.Result) + ": " + text)
	}
	if f.Fix != "" {
		o.log.Info("hint: " + f.Fix)
	}
}

func title(f doctor.Finding) string {
	return strings.TrimSpace(f.Check + " " + f.About)
}

// reportSummary returns the job summary of a check: problems first, each group in the order of the checks.
func reportSummary(report reportOutput) string {
	var b strings.Builder
	headline := "A start would find all that it needs"
	if report.Failed > 0 {
		headline = "A start would fail"
	}
	fmt.Fprintf(&b, "### %s\n\n%d ok, %d failed, %d warnings, %d not checked\n\n", headline, report.OK, report.Failed,
		report.Warnings, report.Unchecked)
	findingsTable(&b, report.Findings, doctor.Failed, doctor.Warning, doctor.Unchecked)
	if report.OK > 0 {
		folded(&b, fmt.Sprintf("%d checks found what a start needs", report.OK),
			func() { findingsTable(&b, report.Findings, doctor.OK) })
	}
	return b.String()
}

// findingsTable lists the findings with the given results, in the order of results.
func findingsTable(b *strings.Builder, findings []doctor.Finding, results ...doctor.Result) {
	rows := 0
	for _, result := range results {
		for _, f := range findings {
			if f.Result != result {
				continue
			}
			if rows++; rows == 1 {
				b.WriteString("| check | about | result | reason | what to do |\n|---|---|---|---|---|\n")
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(f.Check), cell(f.About), marked(result), cell(f.Reason),
				cell(f.Fix))
		}
	}
	if rows > 0 {
		b.WriteString("\n")
	}
}

// marked returns a result with a symbol in front.
func marked(result doctor.Result) string {
	switch result {
	case doctor.OK:
		return "✅ ok"
	case doctor.Failed:
		return "❌ failed"
	case doctor.Warning:
		return "⚠️ warning"
	}
	return "– not checked"
}

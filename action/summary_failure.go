package action

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// failureSummary says of a failed start what to do first, then what went wrong, and each refusal of EC2 once. What only
// somebody who looks closer needs is folded.
func failureSummary(b *strings.Builder, result runner.StartResult) {
	failure := result.Failure
	b.WriteString("### No EC2 runner was started\n\n")
	if failure.Hint != "" {
		fmt.Fprintf(b, "> [!TIP]\n> %s%s\n\n", plain(failure.Hint), more(failure.Hint))
	}
	refusals := refusalsOf(result.Trail)
	message := failure.Message
	if len(refusals) > 0 { // each stands in the table once
		message, _, _ = strings.Cut(message, " Errors: ")
	}
	fmt.Fprintf(b, "> [!CAUTION]\n> %s\n\n", plain(message))
	refusalsTable(b, refusals)
	for _, line := range failure.Said {
		fmt.Fprintf(b, "The machine says: %s\n\n", code(line))
	}
	if failure.Reached != "" {
		fmt.Fprintf(b, "The machine came as far as: %s\n\n", code(failure.Reached))
	}
	if failure.State != "" {
		fmt.Fprintf(b, "EC2 says of the instance: %s\n\n", code(failure.State))
	}
	for _, kept := range failure.Kept {
		fmt.Fprintf(b, "> [!WARNING]\n> %s\n\n", plain(kept))
	}
	if len(failure.Left)+len(failure.Kept) == 0 {
		b.WriteString("Nothing was left behind.\n\n")
	}
	for _, left := range failure.Left {
		fmt.Fprintf(b, "> [!WARNING]\n> left behind: %s\n\n", plain(left))
	}
	if len(failure.Console) > 0 {
		folded(b, "The last lines of the machine's console",
			func() { fence(b, "text", strings.Join(failure.Console, "\n")) })
	}
	if launched := slices.ContainsFunc(result.Runners,
		func(r runner.Started) bool { return r.InstanceID != "" }); launched {
		folded(b, "The machines, which are removed unless they are named above", func() {
			runnersTable(b, result.Runners)
			bootTable(b, result.Runners)
		})
	}
	if len(result.Trail) > 1 {
		folded(b, fmt.Sprintf("All that EC2 was asked for (%d calls)", len(result.Trail)),
			func() { trailTable(b, result.Trail) })
	}
}

// folded shows what the reader opens.
func folded(b *strings.Builder, title string, content func()) {
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n", title)
	content()
	b.WriteString("</details>\n\n")
}

// refused is one distinct answer of EC2, and what was asked for when it came.
type refused struct {
	answer    string
	offerings []string
}

// refusalsOf gathers EC2's refusals, in the order in which they came first.
func refusalsOf(trail []runner.Attempt) (list []refused) {
	for _, a := range trail {
		if a.Answer == "" || len(a.InstanceIDs) > 0 {
			continue
		}
		i := slices.IndexFunc(list, func(r refused) bool { return r.answer == a.Answer })
		if i < 0 {
			i = len(list)
			list = append(list, refused{answer: a.Answer})
		}
		offering := strings.Join(strings.Fields(a.InstanceType+" "+a.Market+" "+a.Region+" "+a.SubnetID), " ")
		if !slices.Contains(list[i].offerings, offering) {
			list[i].offerings = append(list[i].offerings, offering)
		}
	}
	return list
}

// maxOfferings is how many offerings one refusal names.
const maxOfferings = 10

func refusalsTable(b *strings.Builder, refusals []refused) {
	if len(refusals) == 0 {
		return
	}
	b.WriteString("| EC2 refuses | for |\n|---|---|\n")
	for i, r := range refusals {
		if i == maxRows {
			fmt.Fprintf(b, "| and %d more | |\n", len(refusals)-i)
			break
		}
		fmt.Fprintf(b, "| %s | %s |\n", cell(r.answer), strings.Join(named(r.offerings), "<br>"))
	}
	b.WriteString("\n")
}

// named are offerings for a table cell, the first of them.
func named(offerings []string) (list []string) {
	for i, offering := range offerings {
		if i == maxOfferings {
			return append(list, fmt.Sprintf("and %d more", len(offerings)-i))
		}
		list = append(list, code(offering))
	}
	return list
}

package action

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// failureSummary writes the job summary of a failed start: first what to do, then what went wrong and each distinct
// refusal by EC2. Details are folded.
func failureSummary(b *strings.Builder, result runner.StartResult) {
	failure := result.Failure
	b.WriteString("### No EC2 runner was started\n\n")
	if failure.Hint != "" {
		fmt.Fprintf(b, "> [!TIP]\n> %s%s\n\n", plain(failure.Hint), more(failure.Hint))
	}
	refusals := refusalsOf(result.Trail)
	message := failure.Message
	if len(refusals) > 0 { // the table below lists them
		message, _, _ = strings.Cut(message, " Errors: ")
	}
	fmt.Fprintf(b, "> [!CAUTION]\n> %s\n\n", plain(message))
	refusalsTable(b, refusals)
	for _, line := range failure.Said {
		fmt.Fprintf(b, "The machine says: %s\n\n", code(line))
	}
	if failure.LastPhase != "" {
		fmt.Fprintf(b, "The machine came as far as: %s\n\n", code(failure.LastPhase))
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
		folded(b, fmt.Sprintf("All calls to launch (%d)", len(result.Trail)),
			func() { trailTable(b, result.Trail) })
	}
}

// folded writes content that the reader can expand.
func folded(b *strings.Builder, title string, content func()) {
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n", title)
	content()
	b.WriteString("</details>\n\n")
}

// refused is a distinct error response of EC2, with the offerings that it was given for.
type refused struct {
	answer    string
	offerings []string
}

// refusalsOf returns the distinct refusals by EC2, in the order of their first occurrence.
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

// maxOfferings is how many offerings are listed for one refusal.
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

// named returns the first offerings, formatted for a table cell.
func named(offerings []string) (list []string) {
	for i, offering := range offerings {
		if i == maxOfferings {
			return append(list, fmt.Sprintf("and %d more", len(offerings)-i))
		}
		list = append(list, code(offering))
	}
	return list
}

package action

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write what is generated from the table of inputs")

// TestReadmeTables compares what is generated with the table of inputs: the inputs in action.yml, docs/inputs.md and
// README's tables, of which that of the outputs is generated from action.yml. -update writes them.
func TestReadmeTables(t *testing.T) {
	contract := readFile(t, "../action.yml")
	_, rest, opened := strings.Cut(contract, "\ninputs:\n")
	_, tail, closed := strings.Cut(rest, "\noutputs:\n")
	if !opened || !closed {
		t.Fatal("action.yml has no inputs before its outputs")
	}
	head, _, _ := strings.Cut(contract, "\ninputs:\n")
	contract = head + "\ninputs:\n" + inputsYAML() + "\noutputs:\n" + tail
	var parsed struct {
		Outputs yaml.Node `yaml:"outputs"`
	}
	if err := yaml.Unmarshal([]byte(contract), &parsed); err != nil {
		t.Fatal(err)
	}
	outputs := readOutputs(t, parsed.Outputs)
	readme := replaceBetween(t, readFile(t, "../README.md"), "inputs", shortInputs())
	readme = replaceBetween(t, readme, "outputs", shortOutputs(outputs))
	page := inputsPage() + outputsSection(outputs)
	for path, want := range map[string]string{"../action.yml": contract, "../README.md": readme,
		"../docs/inputs.md": page} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, readFile(t, path)); diff != "" {
			t.Errorf("%s is not what the table of inputs says; run go test ./action -run TestReadmeTables -update\n%s",
				path, diff)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	return string(text)
}

// inputsYAML returns the section of action.yml.
func inputsYAML() string {
	var b strings.Builder
	for _, known := range catalogue {
		fmt.Fprintf(&b, "  %s:\n    description: >-\n", known.name)
		for _, line := range wrapped(known.about(), 114) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
		fmt.Fprintf(&b, "    required: %t\n", known.required)
		if known.fallback != "" {
			fmt.Fprintf(&b, "    default: '%s'\n", known.fallback)
		}
	}
	return b.String()
}

// wrapped wraps a text. Longer words get a line of their own.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

func inputsTable(list []input) string {
	var b strings.Builder
	b.WriteString("| input | default | description |\n| --- | --- | --- |\n")
	for _, known := range list {
		fallback := "–"
		switch {
		case known.required:
			fallback = "required"
		case known.fallback != "":
			fallback = "`" + known.fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", known.name, fallback, known.about())
	}
	return b.String()
}

// The sections of docs/inputs.md. An input is described in the first that it belongs to.
var sections = []struct {
	title, about string
	has          func(input) bool
	modes        modeSet
}{
	{"Every mode", "", func(i input) bool { return i.modes == inAll }, inAll},
	{
		"Modes start and check: the machine",
		"What a machine is launched with and what is set up on it. A start of [existing " +
			"machines](existing-machines.md) changes none of it.",
		func(i input) bool { return i.modes&inStart != 0 && i.machine }, 0,
	},
	{"Modes start and check: the start", "", func(i input) bool { return i.modes&inStart != 0 }, 0},
	{"Mode stop", "", nil, inStop},
	{"Mode check", "A check also reads every input of the start that it checks.",
		func(i input) bool { return i.modes == inCheck }, 0},
	{"Mode sweep", "", nil, inSweep},
	{"Mode bake", "", nil, inBake},
	{"Mode pool", "", nil, inPool},
}

// inputsPage returns docs/inputs.md.
func inputsPage() string {
	var b strings.Builder
	b.WriteString(`# Inputs and outputs

Grouped by the mode that reads them. An input that is set in a mode which does not read it has no effect and is
named in the log, with a warning unless
it is one of machulav/ec2-github-runner's. ` + "`dry-run: true`" +
		` is refused where it would not be honoured. Values are trimmed, and booleans are true for
exactly ` + "`true`" + `.

<!-- generated from the table of inputs in action/: go test ./action -run TestReadmeTables -update -->
`)
	described := map[string]bool{}
	for _, section := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n", section.title)
		if section.about != "" {
			fmt.Fprintf(&b, "%s\n\n", section.about)
		}
		var list []input
		var also []string
		for _, known := range catalogue {
			switch {
			case section.has != nil && !section.has(known), section.has == nil && known.modes&section.modes == 0:
			case !described[known.name]:
				described[known.name] = true
				list = append(list, known)
			case section.has == nil && known.modes != inAll:
				also = append(also, "`"+known.name+"`")
			}
		}
		b.WriteString(inputsTable(list))
		if len(also) > 0 {
			fmt.Fprintf(&b, "\nIt also reads %s.\n", strings.Join(also, ", "))
		}
	}
	fmt.Fprintf(&b, "\n## Elements of `runners`\n\nAn element has a `name` and any of `%s`. What it leaves out is "+
		"taken from the step's inputs.\n",
		strings.Join(elementInputs, "`, `"))
	return b.String()
}

// readmeOutputs are the outputs that README shows.
var readmeOutputs = []string{"label", "ec2-instance-id", "region", "runners"}

// shortInputs returns README's table: the first sentence of each description.
func shortInputs() string {
	var list []input
	for _, known := range catalogue {
		if known.readme {
			known.description = firstSentence(known.about())
			list = append(list, known)
		}
	}
	return inputsTable(list)
}

// sentenceEnd matches a full stop before a capital, or before "start:" and the like, which begin another mode's part.
var sentenceEnd = regexp.MustCompile(`\. (?:[A-Z']|[a-z]+: )`)

func firstSentence(text string) string {
	if at := sentenceEnd.FindStringIndex(text); at != nil {
		return text[:at[0]+1]
	}
	return text
}

// outputDescription is an output of action.yml.
type outputDescription struct{ name, about string }

func readOutputs(t *testing.T, node yaml.Node) (list []outputDescription) {
	t.Helper()
	for i := 0; i+1 < len(node.Content); i += 2 {
		var entry struct{ Description string }
		if err := node.Content[i+1].Decode(&entry); err != nil {
			t.Fatal(err)
		}
		list = append(list, outputDescription{node.Content[i].Value, strings.TrimSpace(entry.Description)})
	}
	return list
}

func outputsTable(list []outputDescription) string {
	var b strings.Builder
	b.WriteString("| output | description |\n| --- | --- |\n")
	for _, o := range list {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.name, o.about)
	}
	return b.String()
}

func shortOutputs(list []outputDescription) string {
	var short []outputDescription
	for _, o := range list {
		if slices.Contains(readmeOutputs, o.name) {
			short = append(short, outputDescription{o.name, firstSentence(o.about)})
		}
	}
	return outputsTable(short)
}

// outputsSection returns the last section of docs/inputs.md.
func outputsSection(list []outputDescription) string {
	return "\n## Outputs\n\n" + outputsTable(list) + `
They are written as soon as they exist: ` + "`label`" +
		` before anything is created, the others the moment the instance exists. After a start that failed and left ` +
		`nothing
all of them are empty; what could not be removed keeps its outputs, for stop. GitHub drops a job output that ` +
		`contains a masked word: ` + "`label`, `labels`,\n`ec2-instance-id`, `ec2-instance-ids` and `runners`" +
		` hold no region, ` +
		`zone or type, so that these may be secrets; ` +
		"`swept`, `report` and `pool`\ndo. `images` and the `ec2-image-id` " +
		"of a bake" + ` hold image ids, and are empty if one of these is a secret ` +
		`([outputs that arrive empty](troubleshooting.md#outputs-that-arrive-empty)).
`
}

// replaceBetween replaces the text between the two marks of a name.
func replaceBetween(t *testing.T, text, name, table string) string {
	t.Helper()
	head, rest, opened := strings.Cut(text, "<!-- "+name+" -->\n")
	_, tail, closed := strings.Cut(rest, "<!-- /"+name+" -->")
	if !opened || !closed {
		t.Fatalf("README.md has no marks for %s", name)
	}
	return head + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + tail
}

// TestInputsPage: every input is described in docs/inputs.md exactly once.
func TestInputsPage(t *testing.T) {
	t.Parallel()
	page := inputsPage()
	for _, known := range catalogue {
		if n := strings.Count(page, "\n| `"+known.name+"` |"); n != 1 {
			t.Errorf("%s is described %d times", known.name, n)
		}
	}
}

// refusedThere are inputs that a mode only reads to refuse them, or to warn that they are not used.
var refusedThere = map[string][]string{
	modePool: {"runners", "existing-instances", "existing-runner-name", "ec2-instance-id", "run-runner-as-service",
		"market-type"},
	modeBake: {"market-type"},
}

// readAnyhow are inputs that mode pool reads as a start with the same inputs does, but that do not apply to a warm
// machine: its registration and its end are those of the start that claims it.
var readAnyhow = strings.Fields(`label pre-runner-script use-jit count min-count spot-max-price ` +
	`capacity-timeout-minutes runner-labels ephemeral
	idle-timeout-minutes max-lifetime-minutes keep-failed-minutes startup-quiet-period-seconds ` +
	`startup-retry-interval-seconds job-report`)

// TestModesOfInputs: each mode reads exactly the inputs that declare it.
func TestModesOfInputs(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		read := map[string]bool{}
		for _, more := range [][]string{
			{},
			{"runners", "[{name: a}]", "availability-zones-config",
				`[{"imageId":"ami-1","subnetId":"subnet-1","securityGroupId":"sg-1"}]`},
			{"ec2-image-id", "", "existing-instances", "Role=gpu", "existing-runner-name", "box", "label", "gpu"},
			{"architecture", "amd64", "ec2-image-id", "", "min-count", "1"},
		} {
			getenv := with(append([]string{"mode", mode}, more...)...)
			_, _ = parseReading(getenv, func(name string) { read[name] = true })
		}
		for _, known := range catalogue {
			declared, ignored := known.modes&modeOf[mode] != 0, slices.Contains(refusedThere[mode], known.name) ||
				mode == modePool && slices.Contains(readAnyhow, known.name)
			switch {
			case declared && !read[known.name]:
				t.Errorf("mode %s does not read %s, though the table says so", mode, known.name)
			case !declared && read[known.name] && !ignored:
				t.Errorf("mode %s reads %s, though the table does not say so", mode, known.name)
			case ignored && (declared || !read[known.name]):
				t.Errorf("mode %s: %s is no exception", mode, known.name)
			}
		}
	}
}

// parseReading parses, and reports each input that is read for its value.
func parseReading(getenv func(string) string, reads func(name string)) (Request, error) {
	r := newReader(getenv)
	r.reads = reads
	return r.parse()
}

// TestTable: the table is complete, and its texts fit into a Markdown table.
func TestTable(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	for i, known := range catalogue {
		if !form.MatchString(known.name) || known.modes == 0 || strings.ContainsAny(known.description, "|`") ||
			strings.Contains(known.fallback, "'") {
			t.Errorf("input %d: %+v", i, known)
		}
		if known.element && known.modes&inStart == 0 {
			t.Errorf("%s may stand in an element of runners, and start does not read it", known.name)
		}
	}
}

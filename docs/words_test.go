package docs

import (
	"regexp"
	"strings"
	"testing"
)

// dialect are expressions that the pages once used where the field has a standard term. Each stands with that term.
var dialect = map[string]string{
	`want of \w+`:                         "insufficient capacity, no account",
	`way out`:                             "outbound internet access",
	`between (commas|blanks|lines)`:       "comma-, space- or newline-separated",
	`[Ww]ho wants to`:                     "to rule this out, add",
	`\b(is|are) to be had`:                "is available",
	`goes? round again`:                   "tries again",
	`\b(ends?|ended) itself\b`:            "terminates itself",
	`\blet go of\b`:                       "released",
	`\bthe dead\b`:                        "terminated instances",
	`\b(tells?|told) (what|which|of)`:     "reports, lists, names",
	`last words|'s own words`:             "the machine's messages",
	`\bdearer\b`:                          "more expensive",
	`mended|broken open|breaks TLS`:       "repaired; inspects TLS",
	`\bleast polic(y|ies)\b`:              "least-privilege policy",
	`\bwhat nobody\b|\bby nobody\b`:       "no one",
	`\b(takes|take|taken) (a role )?on\b`: "assume",
}

// TestWords holds the pages for users to standard terms. The changelog and the decisions are records, and stay.
func TestWords(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, page := range pages(t) {
		if page == "CHANGELOG.md" || strings.HasPrefix(page, "docs/adr/") || strings.Contains(page, "testdata/") {
			continue
		}
		looked++
		for number, line := range strings.Split(read(t, page), "\n") {
			for expression, term := range dialect {
				if found := regexp.MustCompile(expression).FindString(line); found != "" {
					t.Errorf("%s:%d: %q: say it as the field does: %s", page, number+1, found, term)
				}
			}
		}
	}
	if looked < 25 {
		t.Errorf("only %d pages were read", looked)
	}
}

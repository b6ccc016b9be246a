package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContractIsCovered: every script in the contract's table exists, and each rule has one.
func TestContractIsCovered(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("test/script/testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]*) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 15 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		if row[1] == "rule" || strings.HasPrefix(row[1], "---") {
			continue
		}
		names := strings.Split(row[2], ", ")
		for _, name := range names {
			if _, err := os.Stat(filepath.Join("test/script/testdata", name+".txtar")); err != nil {
				t.Errorf("%s: %v", row[1], err)
			}
		}
	}
}

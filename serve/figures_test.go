package serve_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"math"
	"os"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write what is measured into bench/scalesets.json")

// figures is where bench takes the figures of scale sets from.
const figures = "../bench/scalesets.json"

var recording sync.Mutex

// record writes what a test has measured under its key, with -update, and keeps the others'.
func record(t *testing.T, key string, measured any) {
	t.Helper()
	if !*update || t.Failed() {
		return
	}
	recording.Lock()
	defer recording.Unlock()
	all := map[string]any{}
	old, err := os.ReadFile(figures)
	if err == nil {
		err = json.Unmarshal(old, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var plain any
	text, err := json.Marshal(measured)
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	all[key] = rounded(plain)
	text, err = json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = os.WriteFile(figures, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rounded leaves three decimals of each number.
func rounded(value any) any {
	switch value := value.(type) {
	case float64:
		return math.Round(value*1000) / 1000
	case map[string]any:
		for key, inner := range value {
			value[key] = rounded(inner)
		}
	}
	return value
}

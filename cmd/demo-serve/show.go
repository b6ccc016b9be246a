package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// show writes the program's log for people: the time since the start, the set, the message and its attributes.
type show struct {
	out   io.Writer
	begun time.Time

	mu   sync.Mutex
	rest string
}

// shown are the attributes that are shown, in this order.
var shown = []string{"runner", "machine", "type", "market", "repository", "run", "name", "took", "launched-to-started",
	"error", "hint"}

// durations are those of them that a line shows with their name.
var durations = []string{"took", "launched-to-started"}

// Write implements io.Writer.
func (s *show) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest += string(p)
	for {
		line, rest, found := strings.Cut(s.rest, "\n")
		if !found {
			return len(p), nil
		}
		s.rest = rest
		fmt.Fprintln(s.out, readable(line, time.Since(s.begun)))
	}
}

// say writes a line of the demo.
func (s *show) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%5.1f s  \x1b[2m%s\x1b[0m\n", time.Since(s.begun).Seconds(), text)
}

// readable returns a line of the log for people. A line that is not JSON is returned as it is.
func readable(line string, at time.Duration) string {
	var record map[string]any
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		return line
	}
	text := fmt.Sprintf("%5.1f s  %-9v  %v", at.Seconds(), orNothing(record["set"]), record["msg"])
	var about []string
	for _, name := range shown {
		value := orNothing(record[name])
		switch {
		case value == "", slices.Contains(about, value):
		case slices.Contains(durations, name):
			about = append(about, name+" "+value)
		default:
			about = append(about, value)
		}
	}
	if len(about) > 0 {
		text += ": " + strings.Join(about, ", ")
	}
	if level := record["level"]; level == "WARN" || level == "ERROR" {
		text = "\x1b[33m" + text + "\x1b[0m"
	}
	return text
}

func orNothing(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// start is a measured start.
type start struct {
	Variant string             `json:"variant"`
	Label   string             `json:"label"`
	Phases  map[string]float64 `json:"phases,omitempty"` // in seconds; unknown phases are missing
	Failed  string             `json:"failed,omitempty"`
	Token   token              `json:"token"`
	Jobs    []jobReport        `json:"jobs,omitempty"`

	online float64 // seconds after the start began
}

// The phases, in the order of the report. Those of the boot script are by the machine's own clock, which starts with
// its kernel. GitHub reports steps in whole seconds, and the start sees a runner online up to a second late, so the
// last phase can be negative.
const (
	toLaunched  = "requested → launched"
	toRunning   = "launched → running"
	bootScript  = "kernel → boot script"
	bootDone    = "kernel → last phase of the boot script"
	toOnline    = "running → online"
	toFirstStep = "online → first step of the job"
	whole       = "requested → first step of the job"
)

var phases = []string{toLaunched, toRunning, bootScript, bootDone, toOnline, toFirstStep, whole}

var (
	timelineEvent = regexp.MustCompile(`^\s*([\d.]+) s : (launched|running|online)$`)
	bootRow       = regexp.MustCompile("^\\| `i-[0-9a-f]+` \\| `(.+)` \\| ([\\d.]+) s \\|$")
)

// read reads the phases from a start's job summary: its timeline, and the phases of the machine's boot.
func (s *start) read(summary string) {
	at := map[string]float64{}
	var boots []float64
	for line := range strings.Lines(summary) {
		line = strings.TrimRight(line, "\r\n")
		if m := timelineEvent.FindStringSubmatch(line); m != nil {
			at[m[2]] = seconds(m[1])
		}
		if m := bootRow.FindStringSubmatch(line); m != nil {
			boots = append(boots, seconds(m[2]))
		}
	}
	s.Phases = map[string]float64{}
	for _, p := range []struct{ name, from, to string }{
		{toLaunched, "", "launched"}, {toRunning, "launched", "running"}, {toOnline, "running", "online"},
	} {
		to, reached := at[p.to]
		from, known := at[p.from]
		if reached && (known || p.from == "") {
			s.Phases[p.name] = to - from
		}
	}
	if len(boots) > 0 {
		s.Phases[bootScript], s.Phases[bootDone] = boots[0], boots[len(boots)-1]
	}
	s.online = at["online"]
}

// worked adds the phases up to the first step of the job.
func (s *start) worked(begun, first time.Time) {
	if s.Phases == nil || first.IsZero() {
		return
	}
	total := first.Sub(begun).Seconds()
	s.Phases[whole] = total
	if s.online > 0 {
		s.Phases[toFirstStep] = total - s.online
	}
}

func seconds(text string) float64 {
	value, _ := strconv.ParseFloat(text, 64) // the expressions match only numbers
	return value
}

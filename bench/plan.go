package main

import "fmt"

// row is a line of a table: what is measured, its unit, and the limit of its median (0: none).
type row struct {
	name, unit string
	most       float64
}

// measurement is a group of figures, and how to get one value of each.
type measurement struct {
	group string
	rows  []row
	run   func(*trial) error
	stage stage
	// ours means that no other action has anything comparable.
	ours bool
}

// stage is what a measurement may run in parallel with. The stages run one after the other.
type stage int

const (
	alone   stage = iota // the program's own time and memory: nothing runs beside it
	timed                // parts of a second after long waits, which run in parallel
	counted              // calls, and times of many seconds
)

// plan returns all measurements in the order of the page.
func (b *bench) plan() []measurement {
	list := []measurement{
		{group: groupStartUp, run: startUp, stage: alone, rows: []row{
			{firstCall, "ms", 30}, {"peak memory of a start", "MB", 25}, {"processor time of a start", "ms", 0},
		}},
	}
	if b.image != "" {
		list = append(list, measurement{group: groupContainer, run: startContainer, stage: alone, ours: true,
			rows: []row{
				{"docker run to first API call", "ms", 0}, {"docker run to the end of a stop", "ms", 0},
			}})
	}
	return append(list,
		measurement{group: groupSignIn, run: startUpSignedIn, stage: alone, ours: true, rows: []row{
			{firstCall, "ms", 30}, {"peak memory of a start", "MB", 27}, {"calls to sign in", "", 4},
		}},
		measurement{group: "Roll-back", run: rollBack, stage: timed, ours: true, rows: []row{
			{"SIGTERM to the end of the step", "s", 7}, {"instances and registrations left", "", 0},
		}},
		measurement{group: groupWaiting, run: untilReady, stage: timed, rows: readyRows()},
		measurement{group: groupWarm, run: warm, stage: timed, ours: true, rows: warmRows()},
		measurement{group: groupCalls, run: calls, stage: counted, rows: callRows()},
		measurement{group: "Sweep", run: sweeps, stage: counted, ours: true, rows: sweepRows()},
		measurement{group: groupMany, run: manyRunners, stage: counted, ours: true, rows: manyRows()},
	)
}

// The names of groups and rows that growth and the page use.
const (
	groupStartUp   = "Start-up"
	groupWaiting   = "From online to the end of the step"
	groupWarm      = "Warm against cold"
	groupContainer = "Container"
	groupCalls     = "Calls"
	groupSweep     = "Sweep"
	groupMany      = "Many runners"
	groupSizes     = "Sizes"
	imagePacked    = "container image, compressed"
	firstCall      = "process start to first API call"
)

// find returns a measurement's row. It panics if the row is not declared.
func (m measurement) find(name string) row {
	for _, r := range m.rows {
		if r.name == name {
			return r
		}
	}
	panic(fmt.Sprintf("bench: %s has no row %q", m.group, name))
}

package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong or odd in a file, and what a good value looks like.
type Problem struct {
	File    string // as it was given
	Line    int    // 0: the file as a whole
	Message string
	Hint    string
}

// String is the place and the message: "sets.yml:12: …".
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// InvalidError lists every problem of a file at once, in the order of its lines. Nothing was called.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// findings are what is wrong or odd in a file.
type findings struct {
	name     string // of the file, as it was given
	problems []Problem
	warnings []Problem
}

// refuse notes a problem, once.
func (f *findings) refuse(line int, message, hint string) {
	f.problems = noted(f.problems, Problem{f.name, line, message, hint})
}

// warn notes an oddity, once.
func (f *findings) warn(line int, message, hint string) {
	f.warnings = noted(f.warnings, Problem{f.name, line, message, hint})
}

// maxProblems bounds what is reported about a file that is something else.
const maxProblems = 100

// noted is the list with a problem, in the order of lines.
func noted(list []Problem, problem Problem) []Problem {
	if len(list) == maxProblems || slices.Contains(list, problem) {
		return list
	}
	at := len(list)
	for at > 0 && list[at-1].Line > problem.Line {
		at--
	}
	return slices.Insert(list, at, problem)
}

// err is an *InvalidError with the problems, nil if there are none.
func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	if len(f.problems) == maxProblems {
		f.problems = append(f.problems, Problem{File: f.name, Message: fmt.Sprintf("problems after the first %d are "+
			"not shown", maxProblems)})
	}
	return &InvalidError{f.problems}
}

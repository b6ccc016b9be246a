package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func quiet(runs int) *bench { return &bench{runs: runs, notes: io.Discard} }

// TestScene: a shell in place of the program: its calls are counted, and a failure is not a result.
func TestScene(t *testing.T) {
	t.Parallel()
	b := quiet(1)
	tr := &trial{bench: b, ctx: t.Context(), command: []string{"/bin/sh", "-c", "exit 0"}}
	s, err := tr.scene(onlineAfter(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if _, err := s.run("start", startInputs(nil)); err != nil {
		t.Fatal(err)
	}
	if n := s.calls("ec2", 0); n != 0 {
		t.Errorf("a shell that calls nothing: %v calls", n)
	}
	tr.command = []string{"/bin/sh", "-c", "echo no luck; exit 1"}
	bad, err := tr.scene(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bad.close)
	if _, err := bad.run("start", startInputs(nil)); err == nil || !strings.Contains(err.Error(),
		"exit code 1: no luck") {
		t.Errorf("a program that fails: got %v", err)
	}
}

// standIn creates a program of a few lines that accepts the inputs of an action.
func standIn(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "action")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAgainst compares one stand-in with another that uses three times as much: both run equally often, the values of a
// pair have the same index, and the ratio is that of the pairs.
func TestAgainst(t *testing.T) {
	t.Parallel()
	count := func(n string) string {
		return `inputs=$(tr '\0' '\n' </proc/$$/environ | grep -c -e '^INPUT_MODE=start$' -e '^INPUT_EC2-IMAGE-ID=ami-')
[ "$inputs" = 2 ] || exit 9
printf 'count<<E\n` + n + `\nE\n' >>"$GITHUB_OUTPUT"
`
	}
	b := quiet(4)
	b.binary, b.against = standIn(t, count("2")), []string{standIn(t, count("6")), "--flag"}
	b.begin()
	m := measurement{group: "Test", rows: []row{{"counted", "calls", 0}}, run: func(tr *trial) error {
		s, err := tr.scene(nil)
		if err != nil {
			return err
		}
		defer s.close()
		result, err := s.run("start", startInputs(nil))
		if err != nil {
			return err
		}
		tr.add("counted", map[string]float64{"2": 2, "6": 6}[result.Outputs["count"]])
		return nil
	}}
	if err := b.repeat(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := Figure{Group: "Test", Name: "counted", Unit: "calls", Values: []float64{2, 2, 2, 2},
		Rival: []float64{6, 6, 6,
			6}}
	got := *b.results.figure("Test", "counted")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if ratio := got.summarize().Ratio; !near(ratio, 1.0/3) {
		t.Errorf("the ratio is %v", ratio)
	}
	if b.results.Against != "action --flag" {
		t.Errorf("the other action is called %q, which shows a folder or nothing", b.results.Against)
	}
}

// TestRivalFails: the other action's failures are reported and counted, and ours is measured nevertheless.
func TestRivalFails(t *testing.T) {
	t.Parallel()
	b := quiet(3)
	b.against = []string{"other"}
	b.begin()
	m := measurement{group: "Test", rows: []row{{"x", "", 0}}, run: func(tr *trial) error {
		tr.add("x", 1)
		if tr.rival {
			return errors.New("it knows no such input")
		}
		return nil
	}}
	if err := b.repeat(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if f := b.results.figure("Test", "x"); len(f.Values) != 3 || len(f.Rival) != 0 {
		t.Errorf("got %+v", f)
	}
	if diff := cmp.Diff(map[string]int{"Test: it knows no such input": 3}, b.results.Trouble); diff != "" {
		t.Error(diff)
	}
	if text := rivalText(b.results); !strings.Contains(text, "It failed 3 times in: Test: it knows no such input") {
		t.Errorf("the page says %q", text)
	}
}

// TestOursFails: a failure of our own program ends the measurement.
func TestOursFails(t *testing.T) {
	t.Parallel()
	b := quiet(2)
	b.begin()
	err := b.repeat(t.Context(), measurement{group: "Test", run: func(*trial) error { return errors.New("no world") }})
	if err == nil || !strings.Contains(err.Error(), "Test: no world") {
		t.Errorf("got %v", err)
	}
}

// TestPairsStayTogether: a pair whose rival failed does not shift those that follow.
func TestPairsStayTogether(t *testing.T) {
	t.Parallel()
	b, r := quiet(1), row{name: "x"}
	b.add("Test", r, 1, 10, true)
	b.add("Test", r, 99, 0, false)
	b.add("Test", r, 2, 20, true)
	f := b.results.figure("Test", "x")
	if diff := cmp.Diff([]float64{1, 2, 99}, f.Values); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{10, 20}, f.Rival); diff != "" {
		t.Error(diff)
	}
}

// TestTurns: while many wait in parallel, one process starts after the other.
func TestTurns(t *testing.T) {
	t.Parallel()
	b := quiet(1)
	var begun []time.Time
	m := measurement{group: "Test", run: func(tr *trial) error {
		for range 3 {
			if err := tr.bench.turn(tr.ctx); err != nil {
				return err
			}
			begun = append(begun, time.Now())
		}
		return nil
	}}
	b.begin()
	if err := b.together(t.Context(), []measurement{m}, alone); err != nil {
		t.Fatal(err)
	}
	if got := begun[2].Sub(begun[0]); got < between {
		t.Errorf("three processes began within %s", got)
	}
}

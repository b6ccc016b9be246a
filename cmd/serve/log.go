package main

import (
	"errors"
	"io"
	"log/slog"
	"syscall"
)

// jsonLog is a log of one JSON object a line.
func jsonLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// errNobodyReads is the end of a program whose log was a pipe that nobody reads any more.
var errNobodyReads = errors.New("nobody reads the log")

// logWriter calls lost when nobody reads the log any more. A full disk loses lines, and is no end: it is not asked for
// again by a new start.
type logWriter struct {
	io.Writer
	lost func(cause error)
}

// Write implements io.Writer.
func (w *logWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		w.lost(errNobodyReads)
	}
	return n, err
}

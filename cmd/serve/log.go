package main

import (
	"errors"
	"io"
	"log/slog"
	"syscall"
)

// jsonLog is a log of one JSON object a line.
func jsonLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// errNobodyReads is why the program ends when its log is a pipe that nobody reads any more.
var errNobodyReads = errors.New("nobody reads the log")

// logWriter calls lost when nobody reads the log any more. A full disk only loses lines: a restart would not help.
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

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// reloader reads the file again at each signal, and keeps the result for the page.
type reloader struct {
	server *serve.Server
	name   string
	listen string // as the file had it at the start
	log    *slog.Logger

	mu    sync.Mutex
	last  status.Reload
	hosts []string // of the file that is served
}

// follow reads the file at each signal, until ctx ends.
func (r *reloader) follow(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-signals:
			r.keep(r.reload())
		case <-ctx.Done():
			return
		}
	}
}

// reload changes the server to the current file. A file that cannot be served changes nothing, which is logged.
func (r *reloader) reload() error {
	file, warnings, err := config.Read(r.name)
	logProblems(r.log, slog.LevelWarn, &config.InvalidError{Problems: warnings})
	if err == nil && file.Listen != r.listen {
		err = errors.New("listen cannot be changed while the program runs: end it and start it again")
	}
	if err == nil {
		err = inFile(r.name, r.server.Reload(file))
	}
	if err != nil {
		logProblems(r.log, slog.LevelError, err)
		r.log.Error("the file was read again and cannot be served, so nothing is changed", "file", r.name)
		return err
	}
	r.mu.Lock()
	r.hosts = file.Hosts
	r.mu.Unlock()
	r.log.Info("the file was read again", "file", r.name, "sets", len(file.Sets))
	return nil
}

func (r *reloader) keep(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = status.Reload{At: time.Now()}
	if err != nil {
		r.last.Problem = err.Error()
	}
}

// snapshot returns the server's snapshot with the result of the last reload.
func (r *reloader) snapshot() status.Snapshot {
	shown := r.server.Snapshot()
	r.mu.Lock()
	defer r.mu.Unlock()
	shown.Reload, shown.Hosts = r.last, r.hosts
	return shown
}

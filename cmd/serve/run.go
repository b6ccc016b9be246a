package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// The exit codes are the action's. A server that ends because of a signal has done its work.
const (
	exitDone    = 0
	exitFailed  = 1
	exitInvalid = 2
	exitUnfit   = 3 // check: something would prevent machines from starting
	exitAbort   = 130
)

const usage = `usage: ec2-github-runner-serve CONFIG.yml
       ec2-github-runner-serve check CONFIG.yml
       ec2-github-runner-serve delete [-dry-run] SET CONFIG.yml
       ec2-github-runner-serve -version

Serves the scale sets of a file until SIGTERM or SIGINT. SIGHUP reads the file again. check examines everything that the
sets need, and makes nothing. delete ends the machines of a set that no process serves, and deletes the set at GitHub,
unless a job runs on one of them; with -dry-run it only shows them.
`

// edge is what the program gets from outside, besides the environment and files.
type edge struct {
	args           []string
	stdout, stderr io.Writer
	reload         <-chan os.Signal // to read the file again
}

// run executes the command of the arguments and returns the exit code.
func run(ctx context.Context, e edge) int {
	switch {
	case len(e.args) == 1 && (e.args[0] == "-version" || e.args[0] == "--version"):
		fmt.Fprintln(e.stdout, versionOf())
		return exitDone
	case len(e.args) == 1 && (e.args[0] == "-h" || e.args[0] == "-help" || e.args[0] == "--help"):
		fmt.Fprint(e.stdout, usage)
		return exitDone
	case len(e.args) == 1 && !strings.HasPrefix(e.args[0], "-"):
		return serveFile(ctx, e, e.args[0])
	case len(e.args) == 2 && e.args[0] == "check" && !strings.HasPrefix(e.args[1], "-"):
		return checkFile(ctx, e, e.args[1])
	case len(e.args) > 2 && e.args[0] == "delete":
		return deleteSet(ctx, e, e.args[1:])
	}
	fmt.Fprint(e.stderr, usage)
	return exitInvalid
}

// serveFile serves the sets of a file until ctx ends.
func serveFile(ctx context.Context, e edge, name string) int {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	log := jsonLog(&logWriter{e.stderr, end})
	file, warnings, err := config.Read(name)
	if err != nil {
		e.print(err)
		return exitInvalid
	}
	logProblems(log, slog.LevelWarn, &config.InvalidError{Problems: warnings})
	host, err := os.Hostname()
	if err != nil {
		log.Warn("the name of this host is not known", "error", err)
	}
	server, err := serve.New(ctx, file, serve.Options{Log: log, Version: versionOf(), Host: host})
	switch {
	case ctx.Err() != nil:
		return exitDone
	case err != nil:
		return e.exitOf(name, err)
	}
	reloads := &reloader{server: server, name: name, listen: file.Listen, hosts: file.Hosts, log: log}
	var beside sync.WaitGroup
	beside.Go(func() { reloads.follow(ctx, e.reload) })
	if file.Listen != "" {
		beside.Go(func() { show(ctx, file.Listen, status.Handler(reloads.snapshot, server.Metrics()), log) })
	}
	err = server.Run(ctx)
	if context.Cause(ctx) == errNobodyReads { //nolint:errorlint // it is the very cause
		return exitFailed
	}
	end(nil)
	beside.Wait()
	return e.exitOf(name, err)
}

// exitOf prints an error that has ended the program and returns the exit code.
func (e edge) exitOf(name string, err error) int {
	invalid, isInvalid := errors.AsType[*config.InvalidError](err)
	switch {
	case err == nil:
		return exitDone
	case isInvalid:
		e.print(inFile(name, invalid))
		return exitInvalid
	}
	jsonLog(e.stderr).Error(err.Error(), "hint", diagnosis.Hint(err))
	return exitFailed
}

// inFile sets the file name of problems that were found after the file was read.
func inFile(name string, err error) error {
	if invalid, ok := errors.AsType[*config.InvalidError](err); ok {
		for i := range invalid.Problems {
			invalid.Problems[i].File = name
		}
	}
	return err
}

// logProblems logs each problem of a file, with its line and its hint.
func logProblems(log *slog.Logger, level slog.Level, err error) {
	invalid, ok := errors.AsType[*config.InvalidError](err)
	if !ok {
		log.Log(context.Background(), level, err.Error())
		return
	}
	for _, problem := range invalid.Problems {
		log.Log(context.Background(), level, problem.Message, "file", problem.File, "line", problem.Line,
			"hint", problem.Hint)
	}
}

// print writes each problem with its line, and its hint below.
func (e edge) print(err error) {
	invalid, ok := errors.AsType[*config.InvalidError](err)
	if !ok {
		fmt.Fprintln(e.stderr, err)
		return
	}
	for _, problem := range invalid.Problems {
		fmt.Fprintln(e.stderr, problem)
		if problem.Hint != "" {
			fmt.Fprintln(e.stderr, "  hint: "+problem.Hint)
		}
	}
}

// version is the release. The build of a release sets it.
var version = ""

// versionOf returns the release, or for other builds the revision that Go has recorded.
func versionOf() string {
	if version != "" {
		return version
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			return "devel-" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "devel"
}

// Package config reads the file of ec2-github-runner-serve: which GitHub to serve, and with which scale sets.
//
// The keys of a machine are the names of the action's inputs, with the same values and the same parser (package
// machine). All problems of a file are reported together, each with its line.
package config

import "github.com/marqo-ai/ec2-github-runner/machine"

// File is the content of a valid file.
type File struct {
	GitHub GitHub
	// Region is the home region, of placements that name none; empty is the environment's.
	Region string
	// Listen is the address of the metrics and the page; empty if they are off.
	Listen string
	// Hosts are names that the page may be asked for by, beside IP addresses and localhost.
	Hosts []string
	Sets  []Set // at least one; their names differ
}

// GitHub is where the scale sets are, and who may manage them: a token or an App.
type GitHub struct {
	URL       string // of a repository, an organization or an enterprise: https://github.com/owner/repo
	TokenFile string // a path; the file is read at each sign-in, so that a token can be exchanged

	AppID             string
	AppInstallationID int64  // 0: looked up
	AppPrivateKeyFile string // a path

	CACertificates string // PEM blocks, for a GitHub Enterprise Server
}

// Set is one scale set: the name and labels that workflows write in runs-on, and the machines that serve them.
type Set struct {
	Name        string
	Labels      []string // at least one; the name where the file has none
	RunnerGroup string   // a name; empty is the default group
	Max         int      // machines at the same time, at least 1
	Min         int      // idle runners kept online, at most Max
	Warm        int      // stopped machines kept for the next jobs, at most Max
	Machine     machine.Machine
	Line        int // of the set in the file
}

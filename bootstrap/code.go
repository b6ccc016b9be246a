package bootstrap

import (
	"cmp"
	"embed"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed shell/*.sh
var shell embed.FS

// chapter is a file of shell/.
type chapter struct {
	name   string          // of the file, without .sh
	needed func(Spec) bool // nil: always
	// spare replaces the chapter if the user's script needs the room; empty if the chapter is required.
	spare string
	// kept reports whether a machine requires the chapter in spite of spare.
	kept func(Spec) bool
	// absent replaces the chapter if it is not needed, for its callers.
	absent string
}

// chapters lists the chapters in the order of the user data. A machine gets only those that it needs, since the 16 KB
// are for the user's script.
var chapters = []chapter{
	{name: "log"},
	{name: "tail", spare: "egr_print_tail() { :; }\n"},
	{name: "debug", needed: func(s Spec) bool { return s.Debug }},
	{name: "values"},
	{name: "metadata", needed: func(s Spec) bool { return works(s) && (s.NameByIndex || s.ShowsTags()) }},
	{name: "index", needed: func(s Spec) bool { return works(s) && s.NameByIndex }},
	{name: "once", needed: prepares, absent: "egr_once_done() { :; }\n"},
	{name: "units"},
	{name: "prepare"},
	{name: "software"},
	{name: "provide"},
	{name: "node", spare: "egr_check_node() { :; }\n"},
	{name: "stream", spare: `egr_stream() { curl -fsSL --connect-timeout 10 -Y 1000 -y 20 --retry 9 ` +
		`--retry-connrefused -H @- "$EGR_URL" 2>/run/ec2-github-runner/curl <<<"${egr_download_token:+Authorization: ` +
		`Bearer $egr_download_token}"; }` + "\n"},
	{name: "newest", needed: func(s Spec) bool { return !told(s) }},
	{name: "upgrade", spare: "egr_upgrade_runner() { false; }\n"},
	{name: "install", kept: installs, spare: "egr_retry() { :; }\n"},
	// A machine that is not told the newest version does not look for it: GitHub Enterprise Server may be the only host
	// that it can reach.
	{name: "current", needed: told, absent: minimumOnly, spare: minimumOnly},
	{name: "libraries", spare: fewerLibraries},
	{name: "certificates", needed: func(s Spec) bool { return s.CACertificates != "" }},
	{name: "packages", needed: installs},
	{name: "exit", needed: scripted, spare: "egr_record_exit() { :; }\n"},
	{name: "script", needed: scripted},
	{name: "setupscript", needed: func(s Spec) bool { return s.SetupScript != "" }},
	{name: "register", needed: func(s Spec) bool { return s.Token != "" }},
	{name: "othername", needed: func(s Spec) bool { return s.OtherName != "" }},
	{name: "user", needed: func(s Spec) bool { return s.User != "" }},
	{name: "service", needed: func(s Spec) bool { return s.Service && !s.Warm }},
	{name: "setup"},
	{name: "runner", needed: works},
	{name: "restart", needed: works, spare: "egr_restart_runner() { : >ended; }\n"},
	{name: "unit", needed: func(s Spec) bool { return s.Service && !s.Warm }},
	{name: "watch"},
	{name: "check", needed: works},
	{name: "kept", needed: func(s Spec) bool { return works(s) && s.ShowsTags() }},
	{name: "warm", needed: func(s Spec) bool { return s.Warm }},
	{name: "sample", needed: reports},
	{name: "hook", needed: reports},
	{name: "reporter", needed: reports},
	{name: "boot"},
}

// minimumOnly replaces the chapter current: a runner that GitHub accepts is not replaced.
const minimumOnly = `egr_is_current() { egr_at_least "$egr_minimum_version"; }` + "\n"

// fewerLibraries replaces the chapter libraries. The runner needs libicu, so it is still installed, with as many
// attempts but without messages on the console.
const fewerLibraries = `egr_install_libraries() { until ldconfig -p | grep -q libicuuc || ((EGR_WAITS++ > 24)); do ` +
	`dnf -y install libicu || ./bin/installdependencies.sh || sleep 5; done; }` + "\n"

// scripted reports whether the machine runs a script of the user's.
func scripted(s Spec) bool { return s.PreRunnerScript != "" || s.SetupScript != "" }

// told reports whether the user data names the newest runner.
func told(s Spec) bool { return len(s.Software) > 0 }

// installs reports whether packages are to be installed.
func installs(s Spec) bool { return len(s.Packages) > 0 }

// prepares reports whether there is something to do once on the machine.
func prepares(s Spec) bool {
	return s.CACertificates != "" || len(s.Packages) > 0 || s.SetupScript != ""
}

// reports reports whether the machine reports on each job.
func reports(s Spec) bool { return s.JobReport && !s.Warm }

// works reports whether the machine runs a runner, rather than only warming up.
func works(s Spec) bool { return !s.Warm }

// code returns the shell code with short names; if tight, without what can be spared.
func (s Spec) code(tight bool) string {
	long := s.long(tight)
	short, known := shortened.Load(long)
	if !known {
		short, _ = shortened.LoadOrStore(long, shorten(long))
	}
	return short.(string)
}

// shortened caches the result of shorten by its argument: most machines of a process get the same code.
var shortened sync.Map

// long returns the code with the names that shell/ uses.
func (s Spec) long(tight bool) string {
	var b strings.Builder
	for _, c := range chapters {
		switch {
		case c.needed != nil && !c.needed(s):
			b.WriteString(c.absent)
		case tight && c.spare != "" && (c.kept == nil || !c.kept(s)):
			b.WriteString(c.spare)
		default:
			b.WriteString(textOf(c.name))
		}
	}
	b.WriteString(end)
	return b.String()
}

var (
	definition = regexp.MustCompile(`(?m)^(egr_[a-z_]+)\(\)`)
	// ourName matches functions and variables, and values with the characters $, ! or { in front.
	ourName = regexp.MustCompile(`[${!]*\begr_[a-z_]+\b|\bEGR_[A-Z_]+\b`)
)

// texts are the files of shell/ by name, without comments, empty lines and indentation.
var texts = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	files, _ := shell.ReadDir("shell")
	for _, file := range files {
		text, err := shell.ReadFile("shell/" + file.Name())
		if err != nil {
			panic("read embedded " + file.Name() + ": " + err.Error())
		}
		all[strings.TrimSuffix(file.Name(), ".sh")] = Bare(string(text))
	}
	return all
})

func textOf(name string) string {
	text, known := texts()[name]
	if !known {
		panic("no such chapter: shell/" + name + ".sh")
	}
	return text
}

// functions are the names of all functions of shell/: code may call functions that this machine does not have.
var functions = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, text := range texts() {
		for _, match := range definition.FindAllStringSubmatch(text, -1) {
			names[match[1]] = true
		}
	}
	return names
})

// shorten gives functions and variables short names, since user data is limited to 16 KB. Values keep their names,
// which others rely on, and so does EGR_AFTER, which images made by mode bake set (ami/recipes/early.sh).
func shorten(code string) string {
	short := map[string]string{"EGR_AFTER": "EGR_AFTER"}
	add := func(name string) {
		if short[name] == "" {
			short[name] = "egr" + strconv.FormatInt(int64(len(short)), 36)
		}
	}
	for _, match := range definition.FindAllStringSubmatch(code, -1) {
		add(match[1])
	}
	return ourName.ReplaceAllStringFunc(code, func(name string) string {
		if strings.HasPrefix(name, "EGR_") || functions()[name] {
			add(name)
		}
		return cmp.Or(short[name], name)
	})
}

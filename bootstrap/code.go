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

// chapter is one file of the code.
type chapter struct {
	name   string
	needed func(Spec) bool
	// spare is what takes the chapter's place where the user's script needs the room; empty for a
	// chapter that cannot be spared.
	spare string
	// kept reports whether it cannot be spared for this machine.
	kept func(Spec) bool
	// absent stands where it is not needed, for those who call it all the same.
	absent string
}

// chapters stand in the user data in this order. A machine gets only those that it needs: its 16 KB are
// for the user's script.
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
	// Who was not told which is the newest does not ask: GitHub Enterprise Server may be all that can be reached.
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

// minimumOnly takes the place of the chapter current: what GitHub does not refuse stays.
const minimumOnly = `egr_is_current() { egr_at_least "$egr_minimum_version"; }` + "\n"

// fewerLibraries takes the place of the chapter libraries: without libicu there is no runner, so it is installed even
// then, by as many tries, but without a word on the console.
const fewerLibraries = `egr_install_libraries() { until ldconfig -p | grep -q libicuuc || ((EGR_WAITS++ > 24)); do ` +
	`dnf -y install libicu || ./bin/installdependencies.sh || sleep 5; done; }` + "\n"

func scripted(s Spec) bool { return s.PreRunnerScript != "" || s.SetupScript != "" }

// told reports whether the machine is told which runner is the newest.
func told(s Spec) bool { return len(s.Software) > 0 }

// installs reports whether the user wants packages.
func installs(s Spec) bool { return len(s.Packages) > 0 }

// prepares reports whether there is something to do once for the machine.
func prepares(s Spec) bool {
	return s.CACertificates != "" || len(s.Packages) > 0 || s.SetupScript != ""
}

// reports reports whether there is a report on each job.
func reports(s Spec) bool { return s.JobReport && !s.Warm }

// works reports whether the machine becomes a runner at this boot.
func works(s Spec) bool { return !s.Warm }

// code is the script's code, without its comments; with tight, without what can be spared too.
func (s Spec) code(tight bool) string {
	long := s.long(tight)
	short, known := shortened.Load(long)
	if !known {
		short, _ = shortened.LoadOrStore(long, shorten(long))
	}
	return short.(string)
}

// shortened holds the code by its long form: most machines of a process are sent the same.
var shortened sync.Map

// long is code with the names that the files in shell/ have.
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
	// ourName matches a function or a value, with a $ or a brace where it is a value, and a variable.
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
		panic("there is no shell/" + name + ".sh")
	}
	return text
}

// functions is the names of all functions of shell/: code also names those that this machine lacks.
var functions = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, text := range texts() {
		for _, match := range definition.FindAllStringSubmatch(text, -1) {
			names[match[1]] = true
		}
	}
	return names
})

// shorten gives the code's functions and variables short names: the files in shell/ can afford names that say what they
// are, a machine's 16 KB cannot. Values keep theirs, which are a contract, and so does EGR_AFTER, which images of ours
// set (ami/recipes/early.sh).
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

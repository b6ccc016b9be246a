package bootstrap

import (
	"embed"
	"strings"
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
}

// chapters stand in the user data in this order. A machine gets only those that it needs: its 16 KB are
// for the user's script.
var chapters = []chapter{
	{name: "say"},
	{name: "last", spare: "egr_last() { :; }\n"},
	{name: "debug", needed: func(s Spec) bool { return s.Debug }},
	{name: "values"},
	{name: "metadata", needed: func(s Spec) bool { return s.NameByIndex }},
	{name: "handover"},
	{name: "software"},
	{name: "stream", spare: `egr_stream() { curl -fsSL --retry 9 --retry-connrefused -H @- "$EGR_URL" <<<"${egr_download_token:+Authorization: Bearer $egr_download_token}"; }` + "\n"},
	{name: "newest", needed: func(s Spec) bool { return len(s.Software) == 0 }},
	{name: "beside", spare: "egr_beside() { false; }\n"},
	{name: "libraries", spare: "egr_libraries() { :; }\n"},
	{name: "certificates", needed: func(s Spec) bool { return s.CACertificates != "" }},
	{name: "packages", needed: func(s Spec) bool { return len(s.Packages) > 0 }},
	{name: "exit", needed: scripted, spare: "egr_watch_exit() { :; }\n"},
	{name: "script", needed: scripted},
	{name: "register", needed: func(s Spec) bool { return s.Token != "" }},
	{name: "user", needed: func(s Spec) bool { return s.User != "" }},
	{name: "service", needed: func(s Spec) bool { return s.Service }},
	{name: "setup"},
	{name: "runner"},
	{name: "revive", spare: "egr_revive() { : >ended; }\n"},
	{name: "watch"},
	{name: "boot"},
}

func scripted(s Spec) bool { return s.PreRunnerScript != "" }

// code is the script's code, without its comments; with tight, without what can be spared too.
func (s Spec) code(tight bool) string {
	var b strings.Builder
	for _, c := range chapters {
		switch {
		case c.needed != nil && !c.needed(s):
		case tight && c.spare != "":
			b.WriteString(c.spare)
		default:
			b.WriteString(c.text())
		}
	}
	b.WriteString(end)
	return b.String()
}

// text is the chapter without comments, empty lines and indentation.
func (c chapter) text() string {
	text, err := shell.ReadFile("shell/" + c.name + ".sh")
	if err != nil {
		panic("read embedded " + c.name + ".sh: " + err.Error())
	}
	return Bare(string(text))
}

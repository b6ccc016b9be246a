package bootstrap

import (
	"embed"
	"strings"
)

//go:embed shell/*.sh
var shell embed.FS

// chapters of the code, in the order in which they stand in the user data. A machine gets only those
// that it needs: its 16 KB are for the user's script.
var chapters = []struct {
	name   string
	needed func(Spec) bool
}{
	{"say", always},
	{"values", always},
	{"handover", always},
	{"software", always},
	{"newest", func(s Spec) bool { return len(s.Software) == 0 }},
	{"certificates", func(s Spec) bool { return s.CACertificates != "" }},
	{"packages", func(s Spec) bool { return len(s.Packages) > 0 }},
	{"script", func(s Spec) bool { return s.PreRunnerScript != "" }},
	{"register", func(s Spec) bool { return s.Token != "" }},
	{"service", func(s Spec) bool { return s.Service }},
	{"setup", always},
	{"runner", always},
	{"watch", always},
	{"boot", always},
}

func always(Spec) bool { return true }

// code is the script's code, without its comments.
func (s Spec) code() string {
	var b strings.Builder
	for _, chapter := range chapters {
		if !chapter.needed(s) {
			continue
		}
		text, err := shell.ReadFile("shell/" + chapter.name + ".sh")
		if err != nil {
			panic("read embedded " + chapter.name + ".sh: " + err.Error())
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimLeft(line, " ")
			if line != "\n" && !strings.HasPrefix(line, "#") {
				b.WriteString(line)
			}
		}
	}
	// What follows is data, never read as shell.
	b.WriteString("exit\n")
	return b.String()
}

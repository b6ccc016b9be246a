package bootstrap

import (
	"embed"
	"strings"
)

//go:embed shell/*.sh
var shell embed.FS

// chapters of the code, in the order in which they stand in the user data.
var chapters = []string{"say", "values", "handover", "software", "setup", "runner", "watch", "boot"}

// code is the script's code, without its comments: a machine has 16 KB for all of it.
func code() string {
	var b strings.Builder
	for _, name := range chapters {
		text, err := shell.ReadFile("shell/" + name + ".sh")
		if err != nil {
			panic("read embedded " + name + ".sh: " + err.Error())
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

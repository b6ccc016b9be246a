package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// gitHubLog prints a step's output as GitHub does: groups, coloured annotations, masked secrets, hidden debug lines.
type gitHubLog struct {
	out     io.Writer
	rest    string
	indent  string
	secrets []string
}

// Write implements io.Writer.
func (l *gitHubLog) Write(p []byte) (int, error) {
	l.rest += string(p)
	for {
		line, rest, found := strings.Cut(l.rest, "\n")
		if !found {
			return len(p), nil
		}
		l.rest = rest
		l.show(line)
	}
}

func (l *gitHubLog) show(line string) {
	command, message, isCommand := strings.Cut(strings.TrimPrefix(line, "::"), "::")
	if !strings.HasPrefix(line, "::") || !isCommand {
		command, message = "", line
	}
	name, _, _ := strings.Cut(command, " ")
	message = strings.NewReplacer("%0A", "\n", "%0D", "\r", "%25", "%").Replace(message)
	if name == "add-mask" {
		l.secrets = append(l.secrets, message)
		return
	}
	for _, secret := range l.secrets {
		message = strings.ReplaceAll(message, secret, "***")
	}
	switch name {
	case "debug":
	case "group":
		fmt.Fprintf(l.out, "▼ %s\n", message)
		l.indent = "  "
	case "endgroup":
		l.indent = ""
	case "warning", "error", "notice":
		fmt.Fprintf(l.out, "%s\x1b[33m%s%s: %s\x1b[0m\n", l.indent, strings.ToUpper(name[:1]), name[1:], message)
	default:
		fmt.Fprintf(l.out, "%s%s\n", l.indent, message)
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

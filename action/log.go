package action

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/sethvargo/go-githubactions"
)

// Rules of the log:
//
// - One record is one line. Debug messages, warnings and errors are log commands, which GitHub shows as annotations;
// the rest is plain text. A message says what is wrong, a hint what to do; a failed call is named by "verb object:
// cause".
// - The attribute "phase" opens a group of that title; records without it are outside of any group.
// - Text from outside (consoles, EC2, GitHub, inputs) may contain log commands. GitHub executes "::name::" at the
// beginning of a line and "##[name]" anywhere in it, so plain lines are rewritten to contain neither.
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs

// handler is a slog.Handler that writes GitHub's log commands.
type handler struct {
	shared *shared
	phase  string
	attrs  []slog.Attr
}

// shared is the state that all handlers of one log share.
type shared struct {
	mu     sync.Mutex
	action *githubactions.Action
	out    io.Writer
	open   string // the title of the open group, or ""
}

func newHandler(action *githubactions.Action, out io.Writer) *handler {
	return &handler{shared: &shared{action: action, out: out}}
}

// Enabled implements slog.Handler. GitHub hides debug messages itself.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	child := *h
	for _, attr := range attrs {
		if attr.Key == "phase" {
			child.phase = attr.Value.String()
			continue
		}
		child.attrs = append(append([]slog.Attr(nil), child.attrs...), attr)
	}
	return &child
}

// WithGroup implements slog.Handler; attribute groups are not used.
func (h *handler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	add := func(attr slog.Attr) bool {
		text += fmt.Sprintf(" (%s: %s)", attr.Key, attr.Value)
		return true
	}
	for _, attr := range h.attrs {
		add(attr)
	}
	record.Attrs(add)
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	h.shared.group(h.phase)
	switch {
	case record.Level >= slog.LevelError:
		h.shared.action.Errorf("%s", text)
	case record.Level >= slog.LevelWarn:
		h.shared.action.Warningf("%s", text)
	case record.Level < slog.LevelInfo:
		h.shared.action.Debugf("%s", text)
	default:
		_, err := fmt.Fprintln(h.shared.out, harmless(text))
		return err
	}
	return nil
}

// group closes the open group and opens the one with the given title, if they differ.
func (s *shared) group(title string) {
	if s.open == title {
		return
	}
	if s.open != "" {
		s.action.EndGroup()
	}
	s.open = title
	if title != "" {
		s.action.Group(title)
	}
}

func (h *handler) closeGroup() {
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	h.shared.group("")
}

// harmless returns text as one line that contains no log command.
func harmless(text string) string {
	text = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(text)
	text = strings.ReplaceAll(text, "##[", "## [")
	if strings.HasPrefix(strings.TrimSpace(text), "::") {
		text = "| " + text
	}
	return text
}

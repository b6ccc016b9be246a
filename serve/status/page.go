package status

import (
	"cmp"
	_ "embed" // the style sheet
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:embed page.css
var style string

// pageText is HTML under construction. Every text goes through a method that escapes it. The library's own templates
// would make the linker keep every method of the AWS SDK.
type pageText struct {
	strings.Builder
	now time.Time
}

// page is the page for people: it loads itself anew every half minute, as often as the server looks.
func page(s Snapshot) string {
	p := &pageText{now: s.At}
	p.add(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="30">
<title>Scale sets of %s</title>
<style>
`, s.Scope)
	p.WriteString(style)
	p.add("</style>\n</head>\n<body>\n<h1>Scale sets of %s</h1>\n", s.Scope)
	p.add(`<p class="about">%s, version %s, at %s UTC</p>`+"\n", cmp.Or(s.Owner, "AWS has not named the account yet"),
		s.Version,
		s.At.UTC().Format("2006-01-02 15:04:05"))
	p.look(s)
	if s.Reload.Problem != "" {
		p.add(`<p class="bad">The file was read again %s ago and cannot be served, so nothing was changed: %s</p>`+"\n",
			p.age(s.Reload.At), s.Reload.Problem)
	}
	for _, set := range s.Sets {
		p.set(set, s.WebURL)
	}
	p.notInFile(s.NotInFile)
	p.add(`<p class="about">For programs: <a href="metrics">metrics</a>, <a href="readyz">readyz</a>, ` +
		`<a href="healthz">healthz</a></p>` + "\n</body>\n</html>\n")
	return p.String()
}

// add writes a form with escaped texts in it.
func (p *pageText) add(form string, texts ...string) {
	escaped := make([]any, len(texts))
	for i, text := range texts {
		escaped[i] = html.EscapeString(strings.ToValidUTF8(text, "\uFFFD"))
	}
	fmt.Fprintf(p, form, escaped...)
}

// look says how old the picture is.
func (p *pageText) look(s Snapshot) {
	switch {
	case s.Looked.IsZero() && s.Unseen == "":
		p.add(`<p class="warn">EC2 and GitHub have not been looked at yet.</p>` + "\n")
	case s.Unseen == "":
		p.add(`<p class="about">Machines and runners as of %s ago.</p>`+"\n", p.age(s.Looked))
	case s.Looked.IsZero():
		p.add(`<p class="bad">No look has seen everything yet: %s</p>`+"\n", s.Unseen)
	default:
		p.add(`<p class="bad">The last look that saw everything was %s ago. What the newest one could not see is `+
			`shown as it was: %s</p>`+"\n", p.age(s.Looked), s.Unseen)
	}
	if s.UnseenHint != "" {
		p.add(`<p class="hint">Hint: %s</p>`+"\n", s.UnseenHint)
	}
}

// set shows one scale set.
func (p *pageText) set(s Set, webURL string) {
	p.add("<section>\n<h2>%s</h2>\n", s.Name)
	p.add(`<p><span class="state %s">%s</span>`, toneOf(s), sessionOf(s))
	if s.Session == Listening {
		p.add(" since %s, last answer %s ago", p.age(s.Since), p.age(s.Polled))
	}
	if s.Removed {
		p.add(` <span class="warn">Taken out of the file: idle machines end, busy ones finish.</span>`)
	}
	p.add("</p>\n")
	if s.Problem != "" {
		p.add(`<p class="%s">%s</p>`+"\n", toneOf(s), s.Problem)
	}
	if s.Hint != "" {
		p.add(`<p class="hint">Hint: %s</p>`+"\n", s.Hint)
	}
	if !s.Paused.IsZero() {
		p.add(`<p class="warn">No machine is launched for another %s.</p>`+"\n", span(s.Paused.Sub(p.now)))
	}
	p.add("<dl>\n")
	p.figure("labels", strings.Join(s.Labels, ", "))
	p.figure("jobs assigned", strconv.Itoa(s.Assigned))
	p.figure("running", strconv.Itoa(s.Running))
	p.figure("waiting", strconv.Itoa(s.Waiting))
	counts := s.count()
	running := len(s.Machines) - counts[Warming] - counts[Stopped]
	p.figure("machines", fmt.Sprintf("%d of %d", running, s.Max))
	for _, state := range States {
		if counts[state] > 0 {
			p.figure(string(state), strconv.Itoa(counts[state]))
		}
	}
	p.add("</dl>\n")
	p.machines(s.Machines, webURL)
	p.refusals(s.Refusals)
	p.add("</section>\n")
}

func (p *pageText) figure(name, value string) {
	p.add("<div><dt>%s</dt><dd>%s</dd></div>\n", name, value)
}

// sessionOf says in words what a set's session is.
func sessionOf(s Set) string {
	switch s.Session {
	case Listening:
		return "Listening"
	case Standby:
		return "Standby: another process listens"
	case Refused:
		return "Not served"
	}
	return "Connecting"
}

// toneOf is how loudly that is said.
func toneOf(s Set) string {
	switch s.Session {
	case Listening:
		return "good"
	case Refused:
		return "bad"
	}
	return "warn"
}

// machines shows the machines with their jobs and ages.
func (p *pageText) machines(list []Machine, webURL string) {
	if len(list) == 0 {
		return
	}
	p.add("<h3>Machines</h3>\n<table>\n" +
		"<thead><tr><th>state</th><th>age</th><th>machine</th><th>job</th></tr></thead>\n")
	for _, m := range list {
		p.add(`<tr><td class="state">%s</td><td class="time" data-name="age">%s</td><td>%s`, string(m.State),
			p.age(m.Since), cmp.Or(m.Runner, "warm machine"))
		if m.Instance != "" {
			p.add("<span>%s</span>", strings.Join(present(m.Instance, m.Type, m.Market, m.Region), " "))
		}
		p.add("</td>")
		p.job(m.Job, webURL)
		p.add("</tr>\n")
	}
	p.add("</table>\n")
}

// job shows what a machine runs, with a link to its run.
func (p *pageText) job(j Job, webURL string) {
	if j.Name == "" && j.Run == 0 {
		p.add("<td></td>")
		return
	}
	p.add(`<td data-name="job">%s<span>`, j.Name)
	if owner, repo, ok := strings.Cut(j.Repository, "/"); ok && j.Run != 0 && webURL != "" {
		run := strconv.FormatInt(j.Run, 10)
		p.add(`<a href="%s">%s run %s</a>`, webURL+"/"+url.PathEscape(owner)+"/"+url.PathEscape(repo)+
			"/actions/runs/"+run, j.Repository, run)
	} else {
		p.add("%s", j.Repository)
	}
	if !j.Since.IsZero() {
		p.add(" for %s", p.age(j.Since))
	}
	p.add("</span></td>")
}

// refusals shows what was refused last, and what to do about it.
func (p *pageText) refusals(list []Refusal) {
	if len(list) == 0 {
		return
	}
	p.add("<h3>Last refusals</h3>\n<table>\n")
	for _, r := range list {
		times := ""
		if r.Times > 1 {
			times = fmt.Sprintf(" (%d times)", r.Times)
		}
		p.add(`<tr><td class="time">%s ago%s</td><td>%s`, p.age(r.At), times, r.Message)
		if r.Hint != "" {
			p.add(`<span>Hint: %s</span>`, r.Hint)
		}
		p.add("</td></tr>\n")
	}
	p.add("</table>\n")
}

// notInFile shows what EC2 has of sets that are not in the file.
func (p *pageText) notInFile(list []NotInFile) {
	if len(list) == 0 {
		return
	}
	p.add("<section>\n<h2>Not in the file</h2>\n" +
		`<p class="warn">EC2 has machines of sets that the file does not have.</p>` + "\n")
	p.add(`<p class="hint">Hint: %s</p>`+"\n<table>\n<thead><tr><th>set</th><th>machines</th><th>stopped</th>"+
		"<th>oldest</th></tr></thead>\n", NotInFileHint)
	for _, set := range list {
		p.add(`<tr><td>%s</td><td data-name="machines">%s</td><td data-name="stopped">%s</td><td class="time" `+
			`data-name="oldest">%s</td></tr>`+"\n", set.Name, strconv.Itoa(set.Machines), strconv.Itoa(set.Stopped),
			p.age(set.Oldest))
	}
	p.add("</table>\n</section>\n")
}

// age is how long something is ago; empty if that is not known.
func (p *pageText) age(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return span(p.now.Sub(since))
}

// span is a length of time with the two units that matter.
func span(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// present are those texts that are not empty.
func present(texts ...string) (list []string) {
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

package bootstrap

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Script is user data of ours that is no runner's: the same way to travel, other code. Every value and
// every text is data and may hold any byte but, in values, NUL.
type Script struct {
	// Secrets are values that stand in front, up to the line "# end of secrets", so that the code can keep
	// them apart.
	Secrets []Value
	// Values are the small ones, as lines egr_KEY=BASE64.
	Values []Value
	// Code is read by bash; Chapters gives what runners' machines have.
	Code string
	// Texts are the big ones, which the code reads by egr_print_part.
	Texts []Text
}

// Value is a small one of user data.
type Value struct{ Key, Value string }

// Text is a big one of user data; an empty one does not travel.
type Text struct{ Name, Text string }

// Pack gives the user data, compressed, of any length: the same bytes for the same Script.
func (s Script) Pack() []byte {
	texts, index := join(s.Texts)
	var code bytes.Buffer
	code.WriteString(head)
	writeValues(&code, s.Secrets)
	code.WriteString("# end of secrets\n")
	writeValues(&code, s.Values)
	code.WriteString(index)
	code.WriteString("# end of values\n")
	code.WriteString(s.Code)
	code.WriteString(end)
	return compress(script{code: code.Bytes(), texts: texts})
}

const (
	// cloud-init cuts its own mark off; what is left is an ordinary script.
	head = "#cloud-boothook\n#!/bin/bash\n"
	// What follows is data, never read as shell.
	end = "exit\n"
)

// Chapters is the code of these files of shell/, in this order, without its comments.
func Chapters(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(textOf(name))
	}
	return b.String()
}

// Bare is shell code without comments, empty lines and indentation: it travels in 16 KB. So no text that
// runs over several lines, such as a here document, may stand in it.
func Bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " ")
		if line != "\n" && !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func writeValues(to *bytes.Buffer, values []Value) {
	for _, v := range values {
		fmt.Fprintf(to, "egr_%s=%s\n", v.Key, base64.StdEncoding.EncodeToString([]byte(v.Value)))
	}
}

// join puts the texts one behind the other, with an index: lines `part_NAME='FROM LENGTH DECODER'`
// where FROM counts bytes from the end of the user data.
func join(parts []Text) (texts []byte, index string) {
	decoders := make([]string, len(parts))
	wires := make([]string, len(parts))
	total := 0
	for i, p := range parts {
		wires[i], decoders[i] = travelling(p.Text)
		total += len(wires[i])
	}
	var b bytes.Buffer
	var lines strings.Builder
	for i, p := range parts {
		if wires[i] == "" {
			continue
		}
		fmt.Fprintf(&lines, "part_%s='%d %d %s'\n", p.Name, total-b.Len(), len(wires[i]), decoders[i])
		b.WriteString(wires[i])
	}
	return b.Bytes(), lines.String()
}

// travelling gives a text the form in which cloud-init hands it on byte for byte, and the command that
// undoes it: cloud-init decodes user data as UTF-8 and writes it again, and shells do not read NUL.
func travelling(text string) (wire, decoder string) {
	lines := strings.ReplaceAll(text, "\x00", "\n")
	switch {
	case !utf8.ValidString(text):
	case lines == text:
		return text, "cat"
	case !strings.Contains(text, "\n"):
		return lines, `tr \n \0`
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), "base64 -d"
}

package bootstrap

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Script is user data with other code than a runner's, in the same format. Values and texts are data and may contain
// any byte, values except NUL.
type Script struct {
	// Secrets are values that come before the line "# end of secrets", so that the code can store them separately.
	Secrets []Value
	// Values are short; each becomes a line egr_KEY=BASE64.
	Values []Value
	// Code is run by bash. Chapters returns code that runners' machines use.
	Code string
	// Texts may be long; the code reads them with egr_print_part.
	Texts []Text
}

// Value is a short value in user data.
type Value struct{ Key, Value string }

// Text is a long value in user data; empty ones are left out.
type Text struct{ Name, Text string }

// Pack returns the compressed user data, of any length: the same bytes for the same Script.
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
	// cloud-init removes its first line; the rest is an ordinary script.
	head = "#cloud-boothook\n#!/bin/bash\n"
	// exit is the last line of code: the shell does not read the data after it.
	end = "exit\n"
)

// Chapters returns the code of these files of shell/ in this order, without comments.
func Chapters(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(textOf(name))
	}
	return b.String()
}

// Bare returns shell code without comments, empty lines and indentation, to save room in the user data. The code must
// not contain text over several lines, such as here documents.
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

// join concatenates the texts and returns an index for them: lines `part_NAME='FROM LENGTH DECODER'`, where FROM is the
// offset in bytes from the end of the user data.
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

// travelling returns a text in a form that arrives unchanged, and the command that decodes it: cloud-init decodes user
// data as UTF-8 and encodes it again, and shells drop NUL.
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

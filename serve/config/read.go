package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// maxFile bounds what is read as a file of scale sets: a thousand sets are far less.
const maxFile = 1 << 20

// Read reads a file and what it names. It reports every problem at once, as an *InvalidError, and makes no call.
// Warnings are what is odd about it.
func Read(name string) (file File, warnings []Problem, err error) {
	f := &findings{name: name}
	text, problem := readFile(name, maxFile)
	if problem != nil {
		f.refuse(0, problem.Error(),
			"give the path of a file of scale sets, for example /etc/ec2-github-runner/sets.yml")
		return File{}, nil, f.err()
	}
	file = f.file([]byte(text))
	return file, f.warnings, f.err()
}

// file reads the text of a file.
func (f *findings) file(text []byte) File {
	var file File
	document := f.document(text)
	if document == nil {
		return file
	}
	s := f.section(document, "", document.Line)
	s.only(FileKeys, nil)
	file.Region = s.text(keyRegion, "for example region: eu-west-1")
	if file.Region != "" && !machine.IsRegion(file.Region) {
		s.problem(s.lineOf(keyRegion), fmt.Sprintf("has the region %q, which is not a valid region name", file.Region),
			"for example region: eu-west-1")
	}
	file.Listen, file.Hosts = s.listen(), s.hosts()
	if s.has(keyGitHub) {
		file.GitHub = f.gitHub(f.section(s.value[keyGitHub], "github", s.at[keyGitHub]), filepath.Dir(f.name))
	} else {
		s.problem(s.lineOf(keyGitHub), "does not say which GitHub to serve",
			"for example github: {url: https://github.com/owner, token-file: /etc/ec2-github-runner/token}")
	}
	file.Sets = f.sets(s, file)
	return file
}

// document returns the file's only YAML document, nil if it cannot be read.
func (f *findings) document(text []byte) *yaml.Node {
	const hint = "the file is YAML: https://yaml.org/spec/1.2.2/"
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, another yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		f.refuse(0, "the file is empty", "write github: and scale-sets:")
		return nil
	case err != nil:
		f.refuseYAML(err, hint)
		return nil
	}
	if decoder.Decode(&another) == nil {
		f.refuse(another.Line, "the file has a second YAML document",
			"write all scale sets in one: take out the line ---")
	}
	if node := longNode(&document); node != nil {
		f.refuse(node.Line, fmt.Sprintf("%s has more than %d entries", kindOf(node), maxEntries),
			"give the path of a file "+
				"of scale sets")
		return nil
	}
	var whole any // finds a key that is there twice, what refers to itself, and what grows without end
	if err := document.Decode(&whole); err != nil {
		f.refuseYAML(err, hint)
		var double *yaml.TypeError
		if !errors.As(err, &double) {
			return nil
		}
	}
	return document.Content[0]
}

// maxEntries bounds a list or a mapping: the library compares each key of a mapping with each other one.
const maxEntries = 5000

// longNode returns the first node with too many entries, nil for none.
func longNode(node *yaml.Node) *yaml.Node {
	entries := len(node.Content)
	if node.Kind == yaml.MappingNode {
		entries /= 2
	}
	if entries > maxEntries {
		return node
	}
	for _, child := range node.Content {
		if found := longNode(child); found != nil {
			return found
		}
	}
	return nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// refuseYAML reports the library's errors with their lines.
func (f *findings) refuseYAML(err error, hint string) {
	list := []string{err.Error()}
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		list = several.Errors
	}
	for _, text := range list {
		line := 0
		if found := yamlLine.FindStringSubmatch(text); found != nil {
			line, _ = strconv.Atoi(found[1]) // digits
			text = text[len(found[0]):]
		}
		f.refuse(line, strings.Join(strings.Fields(strings.TrimPrefix(text, "yaml: ")), " "), hint)
	}
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/marqo-ai/ec2-github-runner"

// source is the Go source of one revision: content by path, relative to the root and with slashes.
type source map[string][]byte

// readTree reads the Go source of a working tree.
func readTree(root string) (source, error) {
	src := source{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		src[filepath.ToSlash(relative)], err = os.ReadFile(name) //nolint:gosec // of the tree itself
		return err
	})
	return src, err
}

// folder is a package: its files without tests.
type folder struct {
	path  string // relative to the root: "." or "runner/tags"
	files []*ast.File
}

// action and programs are the folders of the programs that ship: the action alone, and all programs.
var (
	action   = []string{"."}
	programs = []string{".", "cmd/serve"}
)

// shipping parses the packages of programs, in the order of their paths: the programs and the packages of this module
// that they import.
func shipping(fset *token.FileSet, src source, programs []string) ([]folder, error) {
	found := map[string]folder{}
	todo := slices.Clone(programs)
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if _, ok := found[name]; ok {
			continue
		}
		pkg, err := parse(fset, src, name)
		if err != nil {
			return nil, err
		}
		found[name] = pkg
		todo = append(todo, pkg.imports()...)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b folder) int { return strings.Compare(a.path, b.path) }), nil
}

func parse(fset *token.FileSet, src source, name string) (folder, error) {
	pkg := folder{path: name}
	for _, file := range slices.Sorted(maps.Keys(src)) {
		if path.Dir(file) != name || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(fset, file, src[file], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return pkg, err
		}
		pkg.files = append(pkg.files, parsed)
	}
	return pkg, nil
}

// imports returns the packages of this module that the package imports.
func (f folder) imports() []string {
	var paths []string
	for _, file := range f.files {
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if inner, ok := strings.CutPrefix(name, module+"/"); ok && err == nil {
				paths = append(paths, inner)
			}
		}
	}
	return paths
}

func (f folder) importPath() string { return path.Join(module, f.path) }

// name returns the package's name in a figure: its path, or "main" for the root.
func (f folder) name() string {
	if f.path == "." {
		return "main"
	}
	return f.path
}

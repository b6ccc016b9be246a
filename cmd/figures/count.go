package main

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns = 120
	tab        = "    " // as wide as .golangci.yml has it
)

// statements counts the statements of a package: all statement nodes of the syntax tree except blocks and empty
// statements. A case counts, and so does an else-if.
func statements(pkg folder) int {
	n := 0
	for _, file := range pkg.files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node.(type) {
			case *ast.BlockStmt, *ast.EmptyStmt:
			case ast.Stmt:
				n++
			}
			return true
		})
	}
	return n
}

// exported counts the names that a package exports: types, functions, constants and variables, but not methods and
// fields.
func exported(pkg folder) int {
	n := 0
	count := func(name *ast.Ident) {
		if name.IsExported() {
			n++
		}
	}
	for _, file := range pkg.files {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					count(decl.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						count(spec.Name)
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							count(name)
						}
					}
				}
			}
		}
	}
	return n
}

// methods counts the methods of each type of a package.
func methods(pkg folder) map[string]int {
	counts := map[string]int{}
	for _, function := range functions(pkg) {
		if function.Recv != nil {
			counts[receiver(function.Recv.List[0].Type)]++
		}
	}
	return counts
}

func receiver(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return receiver(expr.X)
	case *ast.IndexExpr:
		return receiver(expr.X)
	case *ast.Ident:
		return expr.Name
	}
	return ""
}

func functions(pkg folder) []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, file := range pkg.files {
		for _, decl := range file.Decls {
			if function, ok := decl.(*ast.FuncDecl); ok && function.Body != nil {
				all = append(all, function)
			}
		}
	}
	return all
}

// complexity returns the cyclomatic complexity as gocyclo counts it: one, plus one for each if, for, case, && and ||.
// Function literals count for the function that contains them.
func complexity(function *ast.FuncDecl) int {
	n := 1
	ast.Inspect(function, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// length returns the number of lines from func to the closing brace, without blank lines and comment lines.
func length(fset *token.FileSet, src source, function *ast.FuncDecl) int {
	from, to := fset.Position(function.Pos()), fset.Position(function.End())
	n := 0
	for line := range strings.Lines(string(src[from.Filename][from.Offset:to.Offset])) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// address matches a comment that consists of an address, which cannot be wrapped.
var address = regexp.MustCompile(`^\s*// https://\S+$`)

// tooWide counts the lines over 120 columns in all Go files, including tests, as the linter lll does: a tab is four
// column, and comments that consist of an address do not count.
func tooWide(src source) int {
	n := 0
	for _, content := range src {
		for line := range strings.Lines(string(content)) {
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", tab)
			if utf8.RuneCountInString(line) > maxColumns && !address.MatchString(line) {
				n++
			}
		}
	}
	return n
}

// lines counts the lines of a package's files.
func lines(fset *token.FileSet, src source, pkgs []folder, name string) int {
	n := 0
	for _, pkg := range pkgs {
		if pkg.path != name {
			continue
		}
		for _, file := range pkg.files {
			n += bytes.Count(src[fset.Position(file.Package).Filename], []byte("\n"))
		}
	}
	return n
}

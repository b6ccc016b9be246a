package main

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

const maxColumns = 120

// statements counts the statements of a package: all nodes of the syntax tree that are one, but blocks, which only hold
// others, and empty ones. A case counts, as an else-if does.
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

// exported counts the names that a package exports: types, functions, constants and variables, without methods and
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

// methods counts the methods that are declared on each type of a package.
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

// complexity is the cyclomatic complexity as gocyclo counts it: one, and one more for each if, for, case, && and ||.
// What stands in a function literal counts for the function around it.
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

// length counts the lines of a function from func to its last brace, without blank lines and lines of comment.
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

// address matches a comment that cannot be broken.
var address = regexp.MustCompile(`^\s*// https://\S+$`)

// tooWide counts the lines over 120 columns in all Go files, tests too, as the linter lll counts them: a tab is one
// column, and a comment that is one address does not count.
func tooWide(src source) int {
	n := 0
	for _, content := range src {
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > maxColumns && !address.MatchString(line) {
				n++
			}
		}
	}
	return n
}

// lines counts the lines of one package's files.
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

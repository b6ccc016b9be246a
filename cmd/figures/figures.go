package main

import (
	"context"
	"fmt"
	"go/token"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// The limits in docs/architecture.md. The means are those before issue 18.
const (
	maxMethods     = 40
	maxExported    = 40
	maxExportedEC2 = 60
	maxRunnerLines = 3500
	maxMeanLength  = 13.3
	maxComplexity  = 4.1
	noLimit        = -1
)

// oneImplementer are the interfaces that may have a single implementer: ec2.API lists the calls that the IAM policy
// must allow, the journals keep GitHub Actions out of the other packages, and a check is a function with a name.
var oneImplementer = []string{"ami.Journal", "doctor.Check", "ec2.API", "runner.Journal"}

// figure is a number and its limit.
type figure struct {
	name  string
	value float64
	limit float64 // or noLimit
	note  string  // where the number was found
}

func (f figure) exceeds() bool { return f.limit != noLimit && f.value > f.limit }

// measure returns all figures of a working tree.
func measure(ctx context.Context, root string) ([]figure, error) {
	src, err := readTree(root)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	pkgs, err := shipping(fset, src, programs)
	if err != nil {
		return nil, err
	}
	few, err := fewImplementers(ctx, fset, root, programs, pkgs)
	if err != nil {
		return nil, err
	}
	few = slices.DeleteFunc(few, func(name string) bool { return slices.Contains(oneImplementer, name) })

	all := perPackage(pkgs)
	all = append(all, largestType(pkgs))
	all = append(all, perFunction(fset, src, pkgs)...)
	return append(all,
		figure{"lines of runner/", float64(lines(fset, src, pkgs, "runner")), maxRunnerLines,
			"without its subfolders"},
		figure{"lines over 120 columns", float64(tooWide(src)), 0, "in all Go files"},
		figure{"interfaces with one implementer", float64(len(few)), 0, strings.Join(few, " ")},
	), nil
}

func perPackage(pkgs []folder) []figure {
	var counted, names []figure
	total := 0
	for _, pkg := range pkgs {
		n := statements(pkg)
		total += n
		counted = append(counted, figure{"statements of " + pkg.name(), float64(n), noLimit, ""})
		limit := maxExported
		if pkg.path == "ec2" {
			limit = maxExportedEC2
		}
		names = append(names, figure{"exported names of " + pkg.name(), float64(exported(pkg)), float64(limit), ""})
	}
	return slices.Concat(counted, []figure{{"statements", float64(total), noLimit, "in all of these"}}, names)
}

func largestType(pkgs []folder) figure {
	largest := figure{name: "methods of one type", limit: maxMethods}
	for _, pkg := range pkgs {
		for name, n := range methods(pkg) {
			if float64(n) > largest.value {
				largest.value, largest.note = float64(n), pkg.name()+"."+name
			}
		}
	}
	return largest
}

func perFunction(fset *token.FileSet, src source, pkgs []folder) []figure {
	var n, long, branches int
	for _, pkg := range pkgs {
		for _, function := range functions(pkg) {
			n++
			long += length(fset, src, function)
			branches += complexity(function)
		}
	}
	note := fmt.Sprintf("mean of %d functions", n)
	return []figure{
		{"lines of a function", mean(long, n), maxMeanLength, note},
		{"cyclomatic complexity", mean(branches, n), maxComplexity, note},
	}
}

// mean returns the mean with one decimal.
func mean(sum, n int) float64 { return math.Round(10*float64(sum)/float64(n)) / 10 }

func printFigures(ctx context.Context, w io.Writer, root string) error {
	all, err := measure(ctx, root)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range all {
		limit := ""
		if f.limit != noLimit {
			limit = fmt.Sprintf("at most %v", f.limit)
		}
		fmt.Fprintf(table, "%s\t%v\t%s\t%s\n", f.name, f.value, limit, f.note)
	}
	return table.Flush()
}

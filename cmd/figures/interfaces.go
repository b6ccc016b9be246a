package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// fewImplementers returns the interfaces of the packages, as in "ec2.API", that at most one type of the packages
// implements: such an interface only stands for that type, or for a fake in a test. It compiles the packages from
// source and reads what they import from the build cache, so root must be the tree that the packages were read from.
func fewImplementers(
	ctx context.Context, fset *token.FileSet, root string, programs []string, pkgs []folder,
) ([]string, error) {
	checked, err := check(ctx, fset, root, programs, pkgs)
	if err != nil {
		return nil, err
	}
	var interfaces, concrete []*types.TypeName
	for _, pkg := range checked {
		for _, name := range pkg.Scope().Names() {
			object, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if !ok || object.IsAlias() {
				continue
			}
			if face, ok := object.Type().Underlying().(*types.Interface); !ok {
				concrete = append(concrete, object)
			} else if face.IsMethodSet() && !face.Empty() {
				interfaces = append(interfaces, object)
			}
		}
	}
	var few []string
	for _, name := range interfaces {
		face := name.Type().Underlying().(*types.Interface)
		count := 0
		for _, object := range concrete {
			if types.Implements(object.Type(), face) || types.Implements(types.NewPointer(object.Type()), face) {
				count++
			}
		}
		if count <= 1 {
			few = append(few, name.Pkg().Name()+"."+name.Name())
		}
	}
	slices.Sort(few)
	return few, nil
}

// check type-checks the packages, which must include all packages of the module that they import.
func check(
	ctx context.Context, fset *token.FileSet, root string, programs []string, pkgs []folder,
) (map[string]*types.Package, error) {
	libraries, err := exportData(ctx, root, programs)
	if err != nil {
		return nil, err
	}
	c := checker{fset: fset, folders: map[string]folder{}, checked: map[string]*types.Package{},
		libraries: importer.ForCompiler(fset, "gc", func(name string) (io.ReadCloser, error) {
			if libraries[name] == "" {
				return nil, fmt.Errorf("no export data for %s", name)
			}
			return os.Open(libraries[name])
		})}
	for _, pkg := range pkgs {
		c.folders[pkg.importPath()] = pkg
	}
	for name := range c.folders {
		if _, err := c.Import(name); err != nil {
			return nil, err
		}
	}
	return c.checked, nil
}

// checker imports the module's packages from source and all others from export data.
type checker struct {
	fset      *token.FileSet
	folders   map[string]folder
	checked   map[string]*types.Package
	libraries types.Importer
}

func (c checker) Import(name string) (*types.Package, error) {
	pkg, ours := c.folders[name]
	if !ours {
		return c.libraries.Import(name)
	}
	if c.checked[name] == nil {
		config := types.Config{Importer: c}
		checked, err := config.Check(name, c.fset, pkg.files, nil)
		if err != nil {
			return nil, err
		}
		c.checked[name] = checked
	}
	return c.checked[name], nil
}

// exportData returns the export data files of the programs' imports by import path, and builds those that are missing.
func exportData(ctx context.Context, root string, programs []string) (map[string]string, error) {
	args := []string{"list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}"}
	for _, program := range programs {
		args = append(args, "./"+program)
	}
	list := exec.CommandContext(ctx, "go", args...)
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", list, err), errors.New(stderr.String()))
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[name] = file
	}
	return files, nil
}

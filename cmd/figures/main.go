// Command figures prints the figures that the structure of this program is held to: statements, methods, exported
// names, mean length and complexity of functions, lines over 120 columns, and interfaces with one implementer.
//
// The shipping packages are the action, ec2-github-runner-serve, and the packages of this module that they import
// directly or indirectly: no tests, and nothing else of test/, bench/ and cmd/. With -issue N the command instead
// prints how many statements each commit of that issue added to the action.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	root := flag.String("root", ".", "folder of the repository")
	issue := flag.Int("issue", 0, `count the commits with a line "Issue: N" instead`)
	flag.Parse()

	if err := run(context.Background(), os.Stdout, *root, *issue); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, root string, issue int) error {
	if issue != 0 {
		return printIssue(ctx, w, root, issue)
	}
	return printFigures(ctx, w, root)
}

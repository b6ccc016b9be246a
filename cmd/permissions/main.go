// Command permissions prints the least-privilege IAM policy for a set of modes and features; with -page,
// docs/permissions.md; with -stack, a CloudFormation template with its policies.
//
//	go run ./cmd/permissions -repository my-org/my-repo -features console,survey start stop
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "permissions:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("permissions", flag.ContinueOnError)
	repository := flags.String("repository", "", "owner/repo whose workflows start runners")
	accountOf := flags.String("account", "", "the AWS account's id")
	roleName := flags.String("role", "", "the role of the machines, for the feature role")
	keptTag := flags.String("kept", "", "the tag of machines that you keep, as Key=Value, for the feature existing")
	key := flags.String("key", "", "the ARN of the KMS key of the volumes, for the feature kms")
	chosen := flags.String("features", "", "comma- or space-separated features: "+strings.Join(featureNames(), ", "))
	wholePage := flags.Bool("page", false, "print docs/permissions.md")
	scope := flags.String("scope", "",
		"where scale sets are, for the mode serve: owner, owner/repo or enterprises/NAME")
	data := flags.String("reference", "",
		"print the entries of the Service Authorization Reference in this folder for the table's actions")
	stackFile := flags.String("stack", "", "print this CloudFormation template with updated policies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *wholePage || *data != "" || *stackFile != "" {
		return write(out, *wholePage, *data, *stackFile)
	}
	if flags.NArg() == 0 {
		return fmt.Errorf("choose modes: one or more of %s", strings.Join(modeNames(), ", "))
	}
	p, err := least(flags.Args(), strings.Fields(strings.ReplaceAll(*chosen, ",", " ")))
	if err != nil {
		return err
	}
	tag, value, _ := strings.Cut(*keptTag, "=")
	text, err := p.text(map[string]string{ownerRepo: *repository, accountID: *accountOf, machineRole: *roleName,
		keptKey: tag, keptValue: value, kmsKey: *key, scopeName: *scope})
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// write prints what is generated from the whole table: the page, the reference's entries, or the template.
func write(out io.Writer, wholePage bool, data, path string) error {
	if data != "" {
		ref, err := readReference(data)
		if err != nil {
			return err
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", " ")
		return encoder.Encode(ref)
	}
	written := page
	if !wholePage {
		written = func() (string, error) {
			known, ok := templates[filepath.Base(path)]
			if !ok {
				return "", fmt.Errorf("read template: %s is not a template in docs/aws", path)
			}
			raw, err := os.ReadFile(path) //nolint:gosec // named on the command line
			if err != nil {
				return "", fmt.Errorf("read template: %w", err)
			}
			return known.stack(string(raw))
		}
	}
	text, err := written()
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// Prune cuts GitHub's OpenAPI descriptions down to the operations that this project uses and the
// schemas they reach, so that they are small enough to live beside the tests.
//
//	go run ./test/openapi/prune -from DIR -to DIR
//
// DIR holds the descriptions as the npm package @octokit/openapi ships them in its folder
// "generated". Prose and examples are left out: the validator does not read them. The output is
// the same for the same input, byte for byte.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wanted names, for each description, the operations to keep as "METHOD path".
// The enterprise calls stand only in the description of GitHub Enterprise Cloud.
var wanted = map[string][]string{
	"api.github.com.json": {
		"get /rate_limit",
		"get /app",
		"get /repos/{owner}/{repo}/installation",
		"get /orgs/{org}/installation",
		"post /app/installations/{installation_id}/access_tokens",
		"delete /installation/token",
		"get /repos/{owner}/{repo}/actions/runners",
		"get /repos/{owner}/{repo}/actions/runners/downloads",
		"get /repos/{owner}/{repo}/actions/runners/{runner_id}",
		"delete /repos/{owner}/{repo}/actions/runners/{runner_id}",
		"delete /repos/{owner}/{repo}/actions/runners/{runner_id}/labels/{name}",
		"post /repos/{owner}/{repo}/actions/runners/registration-token",
		"post /repos/{owner}/{repo}/actions/runners/generate-jitconfig",
		"get /repos/{owner}/{repo}/actions/runs/{run_id}",
		"get /repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
		"get /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
		"post /repos/{owner}/{repo}/actions/runs/{run_id}/rerun",
		"post /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun",
		"get /repos/{owner}/{repo}/releases/latest",
		"get /repos/{owner}/{repo}/releases/tags/{tag}",
		"get /orgs/{org}/actions/runners",
		"get /orgs/{org}/actions/runners/downloads",
		"get /orgs/{org}/actions/runners/{runner_id}",
		"delete /orgs/{org}/actions/runners/{runner_id}",
		"delete /orgs/{org}/actions/runners/{runner_id}/labels/{name}",
		"post /orgs/{org}/actions/runners/registration-token",
		"post /orgs/{org}/actions/runners/generate-jitconfig",
		"get /orgs/{org}/actions/runner-groups",
		"get /orgs/{org}/actions/runner-groups/{runner_group_id}",
	},
	"ghec.json": {
		"get /repos/{owner}/{repo}/actions/runners/deprecations/{version}",
		"get /orgs/{org}/actions/runners/deprecations/{version}",
		"get /enterprises/{enterprise}/installation",
		"get /enterprises/{enterprise}/actions/runners",
		"get /enterprises/{enterprise}/actions/runners/downloads",
		"get /enterprises/{enterprise}/actions/runners/{runner_id}",
		"delete /enterprises/{enterprise}/actions/runners/{runner_id}",
		"delete /enterprises/{enterprise}/actions/runners/{runner_id}/labels/{name}",
		"post /enterprises/{enterprise}/actions/runners/registration-token",
		"post /enterprises/{enterprise}/actions/runners/generate-jitconfig",
		"get /enterprises/{enterprise}/actions/runners/deprecations/{version}",
		"get /enterprises/{enterprise}/actions/runner-groups",
		"get /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}",
	},
}

func main() {
	from := flag.String("from", "", "folder with the whole descriptions")
	to := flag.String("to", "", "folder for the pruned ones")
	flag.Parse()
	for name, operations := range wanted {
		if err := pruneFile(filepath.Join(*from, name), filepath.Join(*to, name), operations); err != nil {
			fmt.Fprintf(os.Stderr, "prune %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func pruneFile(from, to string, operations []string) error {
	whole, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var description map[string]any
	if err := json.Unmarshal(whole, &description); err != nil {
		return fmt.Errorf("read description: %w", err)
	}
	pruned, err := prune(description, operations)
	if err != nil {
		return err
	}
	// Indented by one blank: a changed field shows as one changed line.
	text, err := json.MarshalIndent(pruned, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}

// prune returns a description that holds the given operations and every component they reach.
func prune(description map[string]any, operations []string) (map[string]any, error) {
	paths := map[string]any{}
	for _, operation := range operations {
		method, path, _ := strings.Cut(operation, " ")
		item, _ := lookup(description, "paths", path).(map[string]any)
		if item[method] == nil {
			return nil, fmt.Errorf("no operation %s", operation)
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path].(map[string]any)[method] = item[method]
	}
	kept := strip(paths).(map[string]any)
	components := map[string]any{}
	if err := follow(description, kept, components); err != nil {
		return nil, err
	}
	return map[string]any{
		"openapi": description["openapi"],
		"info": map[string]any{
			"title":   "Pruned from " + fmt.Sprint(lookup(description, "info", "title")),
			"version": lookup(description, "info", "version"),
			"license": lookup(description, "info", "license"),
		},
		"paths":      kept,
		"components": components,
	}, nil
}

// follow copies each component that node refers to, and what that one refers to, into components.
func follow(description map[string]any, node any, components map[string]any) error {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if err := follow(description, child, components); err != nil {
				return err
			}
		}
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			return keep(description, ref, components)
		}
		for _, child := range node {
			if err := follow(description, child, components); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep copies the component behind ref, such as "#/components/schemas/runner".
func keep(description map[string]any, ref string, components map[string]any) error {
	parts := strings.Split(ref, "/")
	if len(parts) != 4 || parts[0] != "#" || parts[1] != "components" {
		return fmt.Errorf("reference %s: not a component", ref)
	}
	kind, name := parts[2], parts[3]
	if lookup(components, kind, name) != nil {
		return nil
	}
	component := lookup(description, "components", kind, name)
	if component == nil {
		return fmt.Errorf("reference %s: nothing there", ref)
	}
	if components[kind] == nil {
		components[kind] = map[string]any{}
	}
	if kind == "responses" {
		component = stripResponse(component)
	} else {
		component = strip(component)
	}
	components[kind].(map[string]any)[name] = component
	return follow(description, component, components)
}

// strip leaves out what a validator does not read. Children of "properties" are names that GitHub
// chose, not keywords: a property called "description" stays.
func strip(node any) any {
	switch node := node.(type) {
	case []any:
		out := make([]any, len(node))
		for i, child := range node {
			out[i] = strip(child)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, child := range node {
			switch {
			case key == "properties":
				out[key] = each(child, strip)
			case key == "responses":
				out[key] = each(child, stripResponse)
			case !prose(key):
				out[key] = strip(child)
			}
		}
		return out
	}
	return node
}

// stripResponse keeps the one text that OpenAPI demands, emptied.
func stripResponse(node any) any {
	response, ok := strip(node).(map[string]any)
	if ok && response["$ref"] == nil {
		response["description"] = ""
	}
	return response
}

// each applies f to every value of an object.
func each(node any, f func(any) any) any {
	object, ok := node.(map[string]any)
	if !ok {
		return strip(node)
	}
	out := map[string]any{}
	for name, value := range object {
		out[name] = f(value)
	}
	return out
}

func prose(key string) bool {
	switch key {
	case "example", "examples", "externalDocs", "tags", "title", "summary", "description":
		return true
	}
	return strings.HasPrefix(key, "x-")
}

func lookup(node any, keys ...string) any {
	for _, key := range keys {
		object, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = object[key]
	}
	return node
}

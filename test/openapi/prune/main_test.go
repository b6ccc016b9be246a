package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const whole = `{
	"openapi": "3.0.3",
	"info": {"title": "T", "version": "1", "license": {"name": "MIT"}},
	"x-webhooks": {},
	"paths": {
		"/a": {
			"get": {
				"description": "prose", "operationId": "a", "tags": ["x"], "x-github": {},
				"responses": {"200": {"description": "prose", "content": {"application/json": {
					"schema": {"$ref": "#/components/schemas/outer"}, "examples": {"e": {}}}}},
					"404": {"$ref": "#/components/responses/gone"}}
			},
			"put": {"operationId": "b"}
		}
	},
	"components": {
		"responses": {"gone": {"description": "prose"}, "other": {}},
		"schemas": {
			"outer": {"description": "prose", "properties": {"description": {"type": "string", "example": "e"}, ` +
	`"inner": ` +
	`{"$ref": "#/components/schemas/inner"}}},
			"inner": {"properties": {"self": {"$ref": "#/components/schemas/inner"}}},
			"unused": {}
		}
	}
}`

const small = `{
	"openapi": "3.0.3",
	"info": {"title": "Pruned from T", "version": "1", "license": {"name": "MIT"}},
	"paths": {"/a": {"get": {"operationId": "a", "responses": {
		"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/outer"}}}},
		"404": {"$ref": "#/components/responses/gone"}}}}},
	"components": {
		"responses": {"gone": {"description": ""}},
		"schemas": {
			"outer": {"properties": {"description": {"type": "string"}, "inner": {"$ref": ` +
	`"#/components/schemas/inner"}}},
			"inner": {"properties": {"self": {"$ref": "#/components/schemas/inner"}}}
		}
	}
}`

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestPruneKeepsWhatTheOperationReaches(t *testing.T) {
	got, err := prune(parse(t, whole), []string{"get /a"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parse(t, small), parse(t, string(text))); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
}

// A call that GitHub no longer describes must not vanish in silence, nor a schema it names.
func TestPruneRefusesWhatIsNotThere(t *testing.T) {
	for operation, description := range map[string]string{
		"post /a": whole,
		"get /b":  whole,
		"get /a":  strings.Replace(whole, `"inner": {"properties": {"self"`, `"renamed": {"properties": {"self"`, 1),
	} {
		if got, err := prune(parse(t, description), []string{operation}); err == nil {
			t.Errorf("%s: got %v, want an error", operation, got)
		}
	}
}

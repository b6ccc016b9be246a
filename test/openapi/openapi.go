// Package openapi holds what this project and its simulator say to each other against GitHub's own
// description of its REST API, so that neither can drift from the real one unseen. Only tests
// import it.
//
// The descriptions in testdata are cut by `test/openapi/update` from the npm package @octokit/openapi:
// the calls in use and the schemas they reach, those of enterprises from the description of GitHub
// Enterprise Cloud.
//
// It is stricter than the description where a mistake would hide otherwise: a query parameter or a
// field of a request body that GitHub does not know is an error, though GitHub would ignore it, and
// so is a successful status that GitHub does not document.
package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

//go:embed testdata/*.json
var descriptions embed.FS

// Validator checks exchanges with GitHub. It may be used by several goroutines at once.
type Validator struct {
	routers []routers.Router
}

// New reads the descriptions.
func New() (*Validator, error) {
	files, err := descriptions.ReadDir("testdata")
	if err != nil {
		return nil, fmt.Errorf("list descriptions: %w", err)
	}
	v := &Validator{}
	for _, file := range files {
		router, err := load("testdata/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("load description %s: %w", file.Name(), err)
		}
		v.routers = append(v.routers, router)
	}
	return v, nil
}

func load(name string) (routers.Router, error) {
	text, err := descriptions.ReadFile(name)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			forbidUnknownFields(operation)
		}
	}
	return gorillamux.NewRouter(doc)
}

// forbidUnknownFields makes a misspelt field of a request an error: GitHub ignores it, and what it
// should have said is then lost without a trace.
func forbidUnknownFields(operation *openapi3.Operation) {
	if operation.RequestBody == nil {
		return
	}
	for _, media := range operation.RequestBody.Value.Content {
		media.Schema = strict(media.Schema)
	}
}

// strict is a copy, down to the objects within (the permissions of an installation token are one), since answers share
// schemas.
func strict(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	schema := *ref.Value
	if !schema.Type.Is(openapi3.TypeObject) {
		return ref
	}
	no := false
	schema.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	schema.Properties = maps.Clone(schema.Properties)
	for name, property := range schema.Properties {
		schema.Properties[name] = strict(property)
	}
	return &openapi3.SchemaRef{Value: &schema}
}

// Check compares one exchange with the description. It leaves req and resp as they are; their
// bodies come apart from them, since whoever calls has read them. A status of 400 and above is
// taken as GitHub's even where the description does not list it (a proxy's 502, a rate limit's
// 403), but its body must be GitHub's error object unless it is a 5xx.
func (v *Validator) Check(req *http.Request, reqBody []byte, resp *http.Response, respBody []byte) error {
	name := req.Method + " " + req.URL.Path
	request, err := v.request(req, reqBody)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := checkRequest(request); err != nil {
		return fmt.Errorf("%s: request: %w", name, err)
	}
	if err := checkAnswer(request, resp, respBody); err != nil {
		return fmt.Errorf("%s: answer %d: %w", name, resp.StatusCode, err)
	}
	return nil
}

// request finds the operation. The path of a GitHub Enterprise Server starts with /api/v3.
func (v *Validator) request(req *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	// A copy without context and host: a route must match whatever address stands for GitHub.
	plain := &http.Request{
		Method:        req.Method,
		URL:           &url.URL{Path: strings.TrimPrefix(req.URL.Path, "/api/v3"), RawQuery: req.URL.RawQuery},
		Header:        req.Header.Clone(),
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	var errs []error
	for _, router := range v.routers {
		route, params, err := router.FindRoute(plain)
		if err == nil {
			return &openapi3filter.RequestValidationInput{
				Request: plain, PathParams: params, Route: route,
				Options: &openapi3filter.Options{
					MultiError:                        true,
					RejectWhenRequestBodyNotSpecified: true,
					SkipSettingDefaults:               true,
					SchemaValidationOptions: []openapi3.SchemaValidationOption{
						openapi3.EnableFormatValidation(),
					},
				},
			}, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("find operation: %w", errors.Join(errs...))
}

func checkRequest(request *openapi3filter.RequestValidationInput) error {
	operation := request.Route.Operation
	for name := range request.Request.URL.Query() {
		if operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("query parameter %q: not one of %s", name, operation.OperationID)
		}
	}
	return openapi3filter.ValidateRequest(request.Request.Context(), request)
}

func checkAnswer(request *openapi3filter.RequestValidationInput, resp *http.Response, body []byte) error {
	status := resp.StatusCode
	documented := request.Route.Operation.Responses.Status(status) != nil
	switch {
	case status == http.StatusNotModified:
		if len(body) > 0 {
			return errors.New("a 304 has no body")
		}
		return nil
	case status >= 500:
		return nil
	case status >= 400 && !documented:
		return checkError(body)
	case !documented:
		return fmt.Errorf("status is not one of %s", request.Route.Operation.OperationID)
	}
	if status == http.StatusNoContent && len(body) > 0 {
		return errors.New("a 204 has no body")
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: status, Header: resp.Header, Options: request.Options,
	}
	return openapi3filter.ValidateResponse(request.Request.Context(), answer.SetBodyBytes(body))
}

// checkError holds body against GitHub's error object: the message is what a client shows, the
// documentation's address is in every error that GitHub sends.
func checkError(body []byte) error {
	var e struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("read error object: %w", err)
	}
	if e.Message == "" || e.DocumentationURL == "" {
		return fmt.Errorf("error object without message or documentation_url: %s", body)
	}
	return nil
}

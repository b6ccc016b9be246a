package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// table finds routes by method and path. Both routers of GitHub use one: the REST API's and that of the scale-set
// service.
type table[R any] []entry[R]

type entry[R any] struct {
	method string
	path   *regexp.Regexp
	route  R
}

// add adds a route. Its path has names in braces.
func (t *table[R]) add(method, path string, route R) {
	expression := regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(path, `(?P<$1>[^/]+)`)
	*t = append(*t, entry[R]{method, regexp.MustCompile("^" + expression + "$"), route})
}

// find returns the first route that matches, nil if there is none, and what the path has in the places of the names.
func (t table[R]) find(method, path string) (*R, map[string]string) {
	for n := range t {
		found := t[n].path.FindStringSubmatch(path)
		if found == nil || method != t[n].method {
			continue
		}
		params := map[string]string{}
		for i, name := range t[n].path.SubexpNames() {
			if name != "" {
				params[name] = found[i]
			}
		}
		return &t[n].route, params
	}
	return nil, nil
}

// exchange returns a request to one of GitHub's services, with its query and its body among the parameters.
func (h *hub) exchange(service string, req *http.Request, body []byte) *exchange {
	x := &exchange{service: service, caller: bearer(req), params: map[string]string{}, latency: h.w.cfg.Timing.GitHub}
	for name, values := range req.URL.Query() {
		x.params[name] = values[0]
	}
	describeBody(x.params, body)
	return x
}

// describeBody puts the top-level fields of a JSON body among the parameters.
func describeBody(params map[string]string, body []byte) {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return
	}
	for k, v := range fields {
		if list, ok := v.([]any); ok {
			texts := make([]string, len(list))
			for i, e := range list {
				texts[i] = fmt.Sprint(e)
			}
			params[k] = strings.Join(texts, ",")
			continue
		}
		params[k] = fmt.Sprint(v)
	}
}

package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// hubJSON is an answer with a JSON body.
func hubJSON(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic("simulator: encode answer: " + err.Error())
	}
	return answer{status: status, header: hubHeader("application/json; charset=utf-8"), body: body}
}

func hubHeader(contentType string) http.Header {
	return http.Header{"Content-Type": {contentType}, "Server": {"github.com"},
		"X-Github-Media-Type": {"github.v3; format=json"}}
}

const restPage = "https://docs.github.com/rest"

func hubError(status int, message string) answer { return hubErrorAt(status, message, restPage) }

func hubErrorAt(status int, message, page string) answer {
	a := hubJSON(status, map[string]string{"message": message, "documentation_url": page, "status": fmt.Sprint(status)})
	a.code = message
	return a
}

// keysOf returns the keys of a map in order.
func keysOf[K ~string | ~int64, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

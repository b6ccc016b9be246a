package simulator

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// form is a query-protocol request, in which lists and structures are flattened to names such as "Filter.1.Value.2":
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
type form map[string]string

func parseForm(body []byte) (form, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	f := form{}
	for k, v := range values {
		f[k] = v[0]
	}
	return f, nil
}

// list returns the values of name.1, name.2 and so on.
func (f form) list(name string) []string {
	var values []string
	for _, i := range f.indices(name) {
		if v, ok := f[name+"."+strconv.Itoa(i)]; ok {
			values = append(values, v)
		}
	}
	return values
}

// group returns the structures name.1, name.2 and so on, each as a form of its own.
func (f form) group(name string) []form {
	var groups []form
	for _, i := range f.indices(name) {
		groups = append(groups, f.under(name+"."+strconv.Itoa(i)))
	}
	return groups
}

// under returns the parameters that begin with name and a dot, without that prefix.
func (f form) under(name string) form {
	sub := form{}
	for k, v := range f {
		if rest, ok := strings.CutPrefix(k, name+"."); ok {
			sub[rest] = v
		}
	}
	return sub
}

func (f form) indices(name string) []int {
	seen := map[int]bool{}
	for k := range f {
		rest, ok := strings.CutPrefix(k, name+".")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); err == nil {
			seen[i] = true
		}
	}
	indices := make([]int, 0, len(seen))
	for i := range seen {
		indices = append(indices, i)
	}
	sort.Ints(indices)
	return indices
}

// top returns the names at the top level, in order: "Filter" for "Filter.1.Name".
func (f form) top() []string {
	seen := map[string]bool{}
	for k := range f {
		name, _, _ := strings.Cut(k, ".")
		seen[name] = true
	}
	return sortedKeys(seen)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// node is an element of an XML answer.
type node struct {
	name string
	text string
	kids []node
}

// leaf is an element with text, branch one with children, and set one whose children are all called item.
func leaf(name, text string) node           { return node{name: name, text: text} }
func branch(name string, kids ...node) node { return node{name: name, kids: kids} }
func set(name string, items ...[]node) node {
	n := node{name: name}
	for _, kids := range items {
		n.kids = append(n.kids, node{name: "item", kids: kids})
	}
	return n
}

// some drops the children that say nothing: EC2 leaves out what has no value.
func some(nodes ...node) []node {
	kept := nodes[:0]
	for _, n := range nodes {
		if n.text != "" || len(n.kids) > 0 {
			kept = append(kept, n)
		}
	}
	return kept
}

func (n node) write(b *bytes.Buffer) {
	b.WriteString("<" + n.name + ">")
	_ = xml.EscapeText(b, []byte(n.text)) // a bytes.Buffer takes everything
	for _, kid := range n.kids {
		kid.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// document is a whole answer to action.
func document(action, requestID string, kids []node) []byte {
	var b bytes.Buffer
	b.WriteString(xmlHead + "<" + action + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`)
	leaf("requestId", requestID).write(&b)
	for _, kid := range kids {
		kid.write(&b)
	}
	b.WriteString("</" + action + "Response>")
	return b.Bytes()
}

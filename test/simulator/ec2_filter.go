package simulator

import (
	"slices"
	"strings"
)

// attributes gives the values that a filter compares, and whether the filter is known at all.
type attributes func(filter string) (values []string, known bool)

// matches applies the filters of a call: a resource fits if it fits every filter, and fits a filter if any of its
// values fits any of the filter's.
func (call *ec2Call) matches(resource attributes) (bool, *ec2Error) {
	if call.filters == nil {
		call.filters = []filter{}
		for _, f := range call.form.group("Filter") {
			call.filters = append(call.filters, filter{f["Name"], f.list("Value")})
		}
	}
	for _, f := range call.filters {
		values, known := resource(f.name)
		if !known {
			call.w.wonder("unknown filter %q of %s", f.name, call.x.operation)
			return false, fail("InvalidParameterValue", "The filter '%s' is invalid", f.name)
		}
		if len(f.patterns) == 0 {
			return false, fail("InvalidParameterValue", "The filter '%s' has no value", f.name)
		}
		if !slices.ContainsFunc(f.patterns, func(p string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return wildcard(p, v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// filter is one of a call: what the attribute of that name must match one of.
type filter struct {
	name     string
	patterns []string
}

// tagAttribute answers the filters tag:KEY, tag-key and tag-value.
func tagAttribute(tags map[string]string, filter string) ([]string, bool) {
	if key, ok := strings.CutPrefix(filter, "tag:"); ok {
		if v, has := tags[key]; has {
			return []string{v}, true
		}
		return nil, true
	}
	switch filter {
	case "tag-key":
		return sortedKeys(tags), true
	case "tag-value":
		var values []string
		for _, k := range sortedKeys(tags) {
			values = append(values, tags[k])
		}
		return values, true
	}
	return nil, false
}

func tagSet(tags map[string]string) node {
	var items [][]node
	for _, k := range sortedKeys(tags) {
		items = append(items, []node{leaf("key", k), leaf("value", tags[k])})
	}
	return set("tagSet", items...)
}

// selects reports whether id is among those asked for by ids, none meaning all.
func selects(ids []string, id string) bool {
	return len(ids) == 0 || slices.Contains(ids, id)
}

// describe is the course of every Describe… action but that of instances: what is asked for by id (chosen) and fits the
// filters, cut into pages, as items of a list called name.
func describe[T any](call *ec2Call, name string, all []T, chosen func(T) bool, attribute func(T) attributes,
	nodes func(T) []node) ([]node, *ec2Error) {
	var shown []T
	for _, resource := range all {
		if !chosen(resource) {
			continue
		}
		fits, failure := call.matches(attribute(resource))
		if failure != nil {
			return nil, failure
		}
		if fits {
			shown = append(shown, resource)
		}
	}
	part, next, failure := page(call, shown)
	if failure != nil {
		return nil, failure
	}
	items := make([][]node, 0, len(part))
	for _, resource := range part {
		items = append(items, nodes(resource))
	}
	return paged(set(name, items...), next), nil
}

// fixed answers filters from a table; tags may be nil.
func fixed(tags map[string]string, values map[string]string) attributes {
	return func(filter string) ([]string, bool) {
		if v, ok := tagAttribute(tags, filter); ok {
			return v, true
		}
		v, known := values[filter]
		return []string{v}, known
	}
}

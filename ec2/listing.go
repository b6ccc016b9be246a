package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// maxFilterValues is how many values EC2 accepts in one filter.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#filtering-resources-api-cli
const maxFilterValues = 200

// perPage and perSmallPage are page sizes. AWS advises to set MaxResults in each call without ids, and refuses it
// together with ids; some calls accept no more than 100. A page may contain fewer results, or none, and still be
// followed by another.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-pagination.html
const (
	perPage      = 1000
	perSmallPage = 100
)

// collect reads all pages of a listing and returns their items, or an error.
func collect[P, T any](ctx context.Context, operation string, pages interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*sdk.Options)) (P, error)
}, items func(P) []T, options ...func(*sdk.Options)) ([]T, error) {
	var all []T
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, options...)
		if err != nil {
			return nil, refusal.Of(operation, err)
		}
		all = append(all, items(page)...)
	}
	return all, nil
}

// plainly converts a list of SDK values.
func plainly[A, B any](list []A, plain func(A) B) []B {
	out := make([]B, len(list))
	for i, item := range list {
		out[i] = plain(item)
	}
	return out
}

// filters returns EC2 filters by name; those without values are left out.
func filters(by map[string][]string) []types.Filter {
	var list []types.Filter
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if values := by[name]; len(values) > 0 {
			list = append(list, types.Filter{Name: aws.String(name), Values: values})
		}
	}
	return list
}

// optional returns the values of a filter that is left out if value is empty.
func optional(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// withTags appends filters for tags.
func withTags(list []types.Filter, tags map[string]string) []types.Filter {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Filter{Name: aws.String("tag:" + key), Values: []string{tags[key]}})
	}
	return list
}

func plainTags(tags []types.Tag) map[string]string {
	plain := map[string]string{}
	for _, tag := range tags {
		plain[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return plain
}

func sdkTags(tags map[string]string) []types.Tag {
	return plainly(slices.Sorted(maps.Keys(tags)), func(key string) types.Tag {
		return types.Tag{Key: aws.String(key), Value: aws.String(tags[key])}
	})
}

// plainReason formats the reason of a state as "CODE: message"; "" if there is none.
func plainReason(reason *types.StateReason) string {
	if reason == nil {
		return ""
	}
	code, message := aws.ToString(reason.Code), aws.ToString(reason.Message)
	return strings.Trim(code+": "+strings.TrimPrefix(message, code+": "), ": ")
}

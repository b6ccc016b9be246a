package simulator

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// page cuts a list by MaxResults and NextToken, and gives the token of the next page, "" for the last. The limits are those
// of DescribeInstances: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func page[T any](call *ec2Call, all []T) ([]T, string, *ec2Error) {
	start, limit := 0, 1000
	if token := call.form["NextToken"]; token != "" {
		raw, err := base64.StdEncoding.DecodeString(token)
		number, ok := strings.CutPrefix(string(raw), "page:")
		n, numErr := strconv.Atoi(number)
		if err != nil || !ok || numErr != nil {
			return nil, "", fail("InvalidNextToken", "The token '%s' is invalid", token)
		}
		start = min(n, len(all))
	}
	if text := call.form["MaxResults"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 5 || n > 1000 {
			return nil, "", fail("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", text)
		}
		limit = n
	}
	end := min(start+limit, len(all))
	next := ""
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("page:" + strconv.Itoa(end)))
	}
	return all[start:end], next, nil
}

// paged is a list with the token of its next page. An empty list still stands in the answer.
func paged(list node, next string) []node {
	if next == "" {
		return []node{list}
	}
	return []node{list, leaf("nextToken", next)}
}

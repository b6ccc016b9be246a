package simulator

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// smallPages are the actions that give at most so many results a page.
var smallPages = map[string]int{
	"DescribeInstanceTypes": 100, "DescribeRouteTables": 100, "DescribeLaunchTemplates": 200,
	"DescribeLaunchTemplateVersions": 200,
}

// lists are the parameters that name what to describe. With them EC2 refuses MaxResults, and without it advises to give
// one: here it is a surprise when there is none.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-pagination.html
var lists = []string{"InstanceId", "VolumeId", "ImageId", "SubnetId", "GroupId", "GroupName", "RouteTableId",
	"SnapshotId", "VpcId", "InstanceType", "LaunchTemplateName"}

// bounded refuses a number of results beside a list of ids.
func (call *ec2Call) bounded() *ec2Error {
	named := ""
	for _, list := range lists {
		if len(call.form.list(list)) > 0 {
			named = list
		}
	}
	switch limit := call.form["MaxResults"]; {
	case named != "" && limit != "":
		return fail("InvalidParameterCombination", "The parameter %ss cannot be used with the parameter MaxResults",
			named)
	case named == "" && limit == "" && slices.Contains(actions[call.x.operation].params, "MaxResults"):
		call.w.wonder("%s names no ids and no MaxResults", call.x.operation)
	}
	return nil
}

// page cuts a list by MaxResults and NextToken, and gives the token of the next page, "" for the last. The limits are
// those of DescribeInstances: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func page[T any](call *ec2Call, all []T) ([]T, string, *ec2Error) {
	if failure := call.bounded(); failure != nil {
		return nil, "", failure
	}
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
		if err != nil || n < 5 || n > orInt(smallPages[call.x.operation], 1000) {
			return nil, "", fail("InvalidParameterValue",
				"Value ( %s ) for parameter maxResults is invalid. Expecting a value between 5 and %d.", text,
				orInt(smallPages[call.x.operation], 1000))
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

package simulator

import "strings"

// wildcard reports whether text fits pattern, in which * stands for any text, ? for any character, and \ takes the next
// character as it is, as in EC2's filters:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
func wildcard(pattern, text string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == text
	}
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0 // the last * seen, and what it stands for so far
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == '?':
			i, j = i+1, j+1
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == t[j]:
			i, j = i+2, j+1
		case i < len(p) && p[i] != '\\' && p[i] == t[j]:
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
